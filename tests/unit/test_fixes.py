"""Which later step fixed what went wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.fixes import Step, covers, fix_of, fix_of_shown, runs


def bash(command, ok=True, thread="", name=""):
    return Step(name or command, "Bash", ok, thread, command)


def edit(file, ok=True, thread=""):
    return Step(f"edit {file}", "Edit", ok, thread, files=(file,), edits=True)


@pytest.mark.parametrize(
    ("failed", "later"),
    [
        ("pytest a.py::b", "pytest"),
        ("pytest a.py::b", "pytest a.py"),
        ("pytest tests/cart/test_a.py -k total", "pytest tests -q"),
        ("cd /x && .venv/bin/pytest -q 2>&1 | tail -5", "uv run pytest"),
        ("python -m pytest tests", "python3.12 -m pytest tests -x"),
        ("go test ./cart -run TestTotal", "go test ./..."),
        ("go test ./cart/... -v", "CGO_ENABLED=0 go test -race ./... > out.txt 2>&1"),
        ("go test ./x -run Y", "go test ./x -run Y -v | grep -v ok"),
        ("mise run fmt && mise run lint 2>&1", "mise run lint"),
        ("npm run test -- cart", "npm test"),
        ("cargo test -p shop total", "timeout 300 cargo test"),
        ("npx tsc --noEmit", "tsc --noEmit"),
        ("make test", "make lint && make test"),
        ("python tools/gen.py --all", "cd /x; python tools/gen.py --all"),
        ("git -C 'a b' push", "git -C 'a b' push"),
        ("eslint src/cart.ts", "eslint src"),
    ],
)
def test_the_same_done_again_counts(failed, later):
    assert fix_of([bash(failed, ok=False), bash(later)], 0).by.command == later


@pytest.mark.parametrize(
    ("failed", "later"),
    [
        ("pytest", "pytest a.py"),
        ("pytest a.py", "pytest b.py"),
        ("pytest -k total", "pytest -k other"),
        ("go test ./...", "go test ./cart"),
        ("go test ./cart", "go test ./cart -run TestTotal"),
        ("go test ./cartoon", "go test ./cart"),
        ("go test ./x", "go build ./x"),
        ("mise run test", "mise run lint"),
        ("python a.py", "python b.py"),
        ("pytest", "echo pytest"),
        ("pytest", "grep -rn pytest ."),
        ("make", "make clean"),
        ("pytest", "git commit -m 'pytest && run'"),
        ("cat x", "cat <<EOF\npytest\nEOF"),
    ],
)
def test_something_else_or_less_does_not(failed, later):
    assert fix_of([bash(failed, ok=False), bash(later)], 0) is None


def test_the_edits_before_the_success_and_the_attempts_between_are_told():
    steps = [
        edit("before.py"), bash("pytest a.py", ok=False), edit("cart.py"), bash("pytest a.py", ok=False),
        edit("refused.py", ok=False), edit("total.py", thread="agent"), bash("pytest"), edit("after.py"), bash("pytest"),
    ]  # fmt: skip
    fix = fix_of(steps, 1)
    assert fix.by is steps[6] and fix.attempts == 1
    assert [step.files[0] for step in fix.edits] == ["cart.py", "total.py"]


def test_a_success_in_another_thread_is_none():
    steps = [bash("pytest", ok=False), bash("pytest", thread="agent"), bash("pytest", name="own")]
    assert fix_of(steps, 0).by.id == "own"
    assert fix_of(steps[:2], 0) is None


def test_an_edit_that_failed_is_fixed_by_one_of_the_same_file():
    steps = [edit("cart.py", ok=False), edit("other.py"), edit("cart.py")]
    assert fix_of(steps, 0).by is steps[2]
    read = [Step("1", "Read", False, files=("/a/cart.py",)), Step("2", "Read", True, files=("/b/x.py",)),
            Step("3", "Read", True, files=("/b/cart.py",))]  # fmt: skip
    assert fix_of(read, 0).by.id == "3"


def test_a_pasted_error_is_fixed_by_the_first_check_after_an_edit():
    steps = [bash("pytest"), edit("cart.py"), bash("ls"), bash("pytest", ok=False), bash("go test ./...", name="fixed")]
    fix = fix_of_shown(steps)
    assert (fix.by.id, [step.files[0] for step in fix.edits]) == ("fixed", ["cart.py"])
    assert fix_of_shown([bash("pytest")]) is None


@given(st.text("ab ./&|;'\"\\<>\n-=E$", max_size=60), st.text(max_size=60))
def test_any_command_line_is_read(first, second):
    for command in (first, second):
        for run in runs(command):
            assert covers(run, run)
