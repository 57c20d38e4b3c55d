"""What crackerjack 0.74.4 printed, shortened."""

FAST_TWICE = """\
Crackerjack v0.74.4
project: shop @ main
cwd: /srv/shop
venv: venv

⏳ Started: Fast quality checks

----------------------------------------------------------------------
🔍 Fast Hooks - Formatters, import sorting, and quick static analysis
----------------------------------------------------------------------

codespell......................................................... ❌
ruff-check........................................................ ❌
ruff-format....................................................... ✅
uv-lock........................................................... ❌
pip-audit......................................................... ❌


❌ Fast hooks attempt 1: 1/5 passed in 26.13s

Fast Hook Results:
 - codespell :: FAILED | 5.00s | issues=1
 - ruff-check :: FAILED | 5.00s | issues=2
 - uv-lock :: FAILED | 0.07s | issues=1


♻️ Verification Retry 2/2


----------------------------------------------------------------------
🔍 Fast Hooks - Formatters, import sorting, and quick static analysis
----------------------------------------------------------------------

ruff-format....................................................... ✅
codespell......................................................... ✅
ruff-check........................................................ ❌
uv-lock........................................................... ❌
pip-audit......................................................... ❌


❌ Fast hooks attempt 2: 2/5 passed in 26.15s

Fast Hook Results:
 - ruff-check :: FAILED | 5.01s | issues=1
 - uv-lock :: FAILED | 0.07s | issues=1

Details for failing fast hooks (shop):
 - ruff-check (failed)
 - /srv/shop/shop/names.py:5: F821 Undefined name `first_nmae`
 - uv-lock (failed)
 - error: The project is marked as unmanaged: /srv/shop


Workflow failed: Task fast_hooks failed after 1 attempt(s): workflow-task-failed: fast_hooks
"""

FAST_PASSED = """\
codespell......................................................... ✅
ruff-check........................................................ ✅
pip-audit......................................................... ❌
✅ Fast hooks passed: 3 / 3 (async, 98.7% faster)


✅ Fast hooks attempt 1: 2/3 passed in 25.98s

Fast Hook Results:
 - codespell :: PASSED | 5.00s | issues=0
 - ruff-check :: PASSED | 5.00s | issues=0
 - pip-audit :: SKIPPED | 5.01s | issues=0
 Summary: 2/3 hooks passed, 0 issues found

✅ Completed: Fast quality checks
"""

COMPREHENSIVE = """\
semgrep........................................................... ❌
betterleaks....................................................... ❌
pyscn............................................................. ❌
cohesion.......................................................... ✅
lychee............................................................ ❌
ty................................................................ ❌
refurb............................................................ ❌


❌ Comprehensive hooks attempt 1: 1/7 passed in 10.11s

Comprehensive Hook Results:
 - semgrep :: FAILED | 0.01s | issues=1
 - betterleaks :: FAILED | 0.02s | issues=0
 - pyscn :: FAILED | 0.66s | issues=1
 - lychee :: FAILED | 0.00s | issues=0
 - ty :: FAILED | 0.72s | issues=2
 - refurb :: FAILED | 10.09s | issues=2

Details for failing comprehensive hooks (shop):
 - semgrep (failed)
 - [Errno 2] No such file or directory: 'semgrep'
 - betterleaks (failed)
 - Exit code: 1
 - Error: [Errno 2] No such file or directory: 'betterleaks'
 - pyscn (failed)
 - shop/routes.py:4: Function 'cheapest' has cyclomatic complexity 16
 - lychee (failed)
 - Exit code: 1
 - Error: [Errno 2] No such file or directory: 'lychee'
 - ty (failed)
 - shop/labels.py:5:12: error Return type does not match returned value: expected `str`, found `int`
 - shop/names.py:5:12: error Name `first_nmae` used when not defined
 - refurb (failed)
 - shop/routes.py:18 [FURB108] Replace `x == y or z == y` with `y in (x, z)`
 - shop/routes.py:24 [FURB108] Replace `x == y or x == z` with `x in (y, z)`

Workflow failed: Task comprehensive_hooks failed after 1 attempt(s): workflow-task-failed: comprehensive_hooks
"""

NO_SUCH_OPTION = """\
Usage: crackerjack run [OPTIONS]
Try 'crackerjack run --help' for help.
╭─ Error ──────────────────────────────────────────────────────────────────────╮
│ No such option: --ai-fixx (Possible options: --all-files)                    │
╰──────────────────────────────────────────────────────────────────────────────╯
"""

TESTS_BROKEN = """\
🧪 Running tests (workers: 1, timeout: 1800s)
💥 Test execution error after 0.0s: 'PosixPath' object has no attribute
'startswith'
Workflow failed: Task tests failed after 1 attempt(s): workflow-task-failed: tests
"""

HELP = """\

 Usage: crackerjack run [OPTIONS]

╭─ Options ───────────────────────────────────────────────────────────────────────────────────────────────╮
│ --verbose                 -v               <bool>                     Enable verbose output.             │
│ --dry-run                                  <bool>                     Preview fixes without modifying    │
│                                                                       files (implies --ai-fix).          │
│ --run-tests               -t               <bool>                     Execute the test suite.            │
│ --skip-hooks              -s               <bool>                     Skip running hooks (useful with    │
│                                                                       -t).                               │
│ --fast                    -f               <bool>                     Run only fast hooks.               │
│ --comp                    -c               <bool>                     Run only comprehensive hooks.      │
│ --pr,--new-pull-request   -r               <bool>                     Create a new pull request.         │
│ --smart-commit                --basic-comm…  <bool>                   Generate commit messages.          │
│ --ai-debug                                 <bool>                     Enable verbose debugging, implies  │
│                                                                       --ai-fix by itself.                │
│ --help                                     <bool>                     Show this message and exit.        │
╰─────────────────────────────────────────────────────────────────────────────────────────────────────────╯
"""
