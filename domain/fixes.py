"""Which later step of a session fixed what went wrong: the next success of the same command or test, and the edits before it."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)")
_SEPARATOR = re.compile(r"&&|\|\||;|\n")
_REDIRECTION = re.compile(r"(?:\d|&)?>{1,2}\s*(?:&\d|\S+)|<\s*\S+")
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=\S*$")
_SILENT = frozenset(
    {"cd", "echo", "export", "set", "source", ".", "true", "false", "sleep", "pwd", "printf", "unset", "mkdir", ":"}
)
_BEFORE = frozenset(
    {"sudo", "env", "time", "nohup", "command", "exec", "nice", "xvfb-run", "npx", "bunx", "pnpx", "uvx"}
)
_RUNNERS = {
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"), ("rye", "run"),
    ("bundle", "exec"), ("pnpm", "exec"), ("pnpm", "dlx"), ("yarn", "exec"), ("npm", "exec"), ("python", "-m"),
}  # fmt: skip
_WITH_VERB = frozenset(
    [
        "go",
        "cargo",
        "npm",
        "yarn",
        "pnpm",
        "bun",
        "deno",
        "git",
        "docker",
        "kubectl",
        "mvn",
        "gradle",
        "gradlew",
        "dotnet",
        "make",
        "just",
        "mise",
        "task",
        "rake",
        "rails",
        "mix",
        "pip",
        "uv",
        "terraform",
        "helm",
        "ruff",
        "swift",
        "flutter",
        "dart",
        "bazel",
        "nox",
        "tox",
        "composer",
        "php",
        "artisan",
        "gem",
        "conda",
        "poetry",
        "hatch",
    ]
)
_CHECKS = frozenset(
    [
        "pytest",
        "jest",
        "vitest",
        "mocha",
        "ava",
        "rspec",
        "phpunit",
        "unittest",
        "tox",
        "nox",
        "mypy",
        "pyright",
        "ruff",
        "flake8",
        "pylint",
        "eslint",
        "tsc",
        "golangci-lint",
        "clippy",
        "shellcheck",
        "ctest",
        "playwright",
        "cypress",
        "black",
        "prettier",
        "biome",
    ]
)
_CHECKING_VERBS = frozenset(
    {"test", "build", "vet", "check", "clippy", "nextest", "lint", "verify", "compile", "typecheck"}
)
_SELECTING = frozenset(
    {"-run", "-k", "-m", "-t", "-g", "--run", "--grep", "--filter", "--testNamePattern", "-testNamePattern", "--only"}
)
_TAKING = frozenset(
    {
        "-p",
        "--package",
        "-C",
        "-timeout",
        "--timeout",
        "-count",
        "-n",
        "-j",
        "--maxfail",
        "-c",
        "--config",
        "-o",
        "--tb",
        "-W",
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call of a session. `thread` is the subagent that made it; empty for the main conversation."""

    id: str
    tool: str
    ok: bool  # it ended well, also behind its pipes
    thread: str = ""
    command: str = ""
    files: tuple[str, ...] = ()
    edits: bool = False  # it put something into its files
    about: str = ""  # of a call without command or file


@dataclass(frozen=True, slots=True)
class Fix:
    """`by` is the step that ended well, `edits` what was changed until then, by whomever; `attempts` failed between."""

    by: Step
    edits: Sequence[Step]
    attempts: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a command line ran, without what does not matter for it: where from, with which variables, shown how."""

    program: tuple[str, ...]
    targets: tuple[str, ...] = ()
    selected: frozenset[str] = frozenset()
    checks: bool = False  # a test, a build, a linter: less selected means more checked


def fix_of(steps: Sequence[Step], at: int) -> Fix | None:
    """What fixed the failure of `steps[at]`; None when nothing did. `steps` are those of a session, in order of time.

    A step of another thread never counts as the same one done again, but its edits do: threads share the files.
    """
    failed, attempts = steps[at], 0
    edits: list[Step] = []
    for step in steps[at + 1 :]:
        if step.thread == failed.thread and again(step, failed):
            if step.ok:
                return Fix(step, edits, attempts)
            attempts += 1
        elif step.edits and step.ok:
            edits.append(step)
    return None


def fix_of_shown(later: Sequence[Step]) -> Fix | None:
    """What fixed an error that somebody pasted: the first test, build or linter that ended well after an edit."""
    edits: list[Step] = []
    for step in later:
        if step.edits and step.ok:
            edits.append(step)
        elif edits and step.ok and any(run.checks for run in runs(step.command)):
            return Fix(step, edits, 0)
    return None


def again(step: Step, failed: Step) -> bool:
    """Whether `step` does at least what `failed` tried.

    >>> again(Step("2", "Bash", True, command="pytest -q"), Step("1", "Bash", False, command="cd /a && pytest a.py::b"))
    True
    """
    if failed.command:
        goals = runs(failed.command)
        return bool(step.command and goals) and any(covers(run, goals[-1]) for run in runs(step.command))
    if failed.edits:
        return step.edits and bool(set(step.files) & set(failed.files))
    if failed.files:
        ends = {posixpath.basename(file) for file in failed.files}
        return step.tool == failed.tool and any(posixpath.basename(file) in ends for file in step.files)
    return step.tool == failed.tool and step.about == failed.about


def covers(run: Run, failed: Run) -> bool:
    """Whether a success of `run` says that `failed` would succeed now.

    >>> covers(runs("go test ./...")[0], runs("go test ./cart -run TestTotal -v 2>&1 | tail")[0])
    True
    """
    if run.program != failed.program:
        return False
    if not failed.checks:
        return run == failed
    if run.selected and run.selected != failed.selected:
        return False
    wanted = failed.targets or (".",)
    return all(any(_inside(target, whole) for whole in run.targets or (".",)) for target in wanted)


def _without_heredocs(command: str) -> str:
    """Each up to the line that ends it, in one pass; one that nothing ends stays."""
    lines = command.split("\n")
    last = {line.strip(): at for at, line in enumerate(lines)}
    kept, end = [], ""
    for at, line in enumerate(lines):
        if end:
            end = "" if line.strip() == end else end
        elif (opened := _HEREDOC.search(line)) and last.get(opened[1], at) > at:
            kept.append(line[: opened.start()])
            end = opened[1]
        else:
            kept.append(line)
    return "\n".join(kept)


@lru_cache(maxsize=4_096)
def runs(command: str) -> tuple[Run, ...]:
    """What a command line runs, in order; of a pipe the first, as those behind it only show."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0][1:-1])
        return f"\0{len(held) - 1}\0"

    text = _QUOTED.sub(hold, _without_heredocs(command.replace("\\\n", " ")))
    found = []
    for piece in _SEPARATOR.split(text):
        words = _REDIRECTION.sub(" ", piece.partition("|")[0]).strip("() \t").split()
        run = _run([re.sub("\0(\\d+)\0", lambda m: held[int(m[1])], word) for word in words])
        if run is not None:
            found.append(run)
    return tuple(found)


def _run(words: list[str]) -> Run | None:
    words = _bare(words)
    if not words or words[0] in _SILENT:
        return None
    program = [words.pop(0)]
    if program[0] in _WITH_VERB:
        verb = next((word for word in words if not word.startswith("-")), "")
        if verb:
            words.remove(verb)
            program.append(verb)
        if verb == "run" and program[0] in ("npm", "yarn", "pnpm", "bun", "mise", "just", "task") and words:
            program[1] = words.pop(0)
    checks = program[0] in _CHECKS or (len(program) > 1 and re.split(r"[:_-]", program[1])[0] in _CHECKING_VERBS)
    if not checks:
        return Run(tuple(program), tuple(words))
    targets, selected = _arguments(words)
    return Run(tuple(program), tuple(targets), frozenset(selected), checks=True)


def _bare(words: list[str]) -> list[str]:
    """Without assignments, programs that run others, and the folder that a program lies in."""
    while words:
        if _ASSIGNMENT.match(words[0]) or words[0] in _BEFORE:
            words = words[1:]
        elif words[0] == "timeout" and len(words) > 2:
            words = words[1 + next((n for n, word in enumerate(words[1:], 1) if word[0].isdigit()), 1) :]
        else:
            name = posixpath.basename(words[0])
            name = "python" if re.fullmatch(r"python[\d.]*", name) else name
            if len(words) < 2 or (name, words[1]) not in _RUNNERS:
                return [name, *words[1:]]
            words = words[2:]
    return words


def _arguments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is checked, and what of it is selected."""
    targets: list[str] = []
    selected: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name in _SELECTING:
            selected.append(value if equals else waiting.pop(0) if waiting else "")
        elif word in _TAKING and waiting:
            waiting.pop(0)
        elif not word.startswith("-"):
            targets.append(word)
    return targets, selected


def _inside(target: str, whole: str) -> bool:
    """Whether checking `whole` checks `target`."""
    whole = whole.removesuffix("...").rstrip("/").removeprefix("./")
    target = target.removesuffix("...").rstrip("/").removeprefix("./")
    return whole in ("", ".") or target == whole or target.startswith((f"{whole}/", f"{whole}::", f"{whole}:"))
