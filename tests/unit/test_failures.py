"""What went wrong, by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.failures import MOST, error_names, hidden_failure, is_pasted_error, was_stopped


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'total'", ["KeyError"]),
        ("requests.exceptions.ConnectionError: refused", ["ConnectionError"]),
        ("java.lang.NullPointerException\n\tat shop.Cart.total(Cart.java:12)", ["NullPointerException"]),
        ("Exit code 101\nerror[E0308]: mismatched types", ["exit code 101", "E0308"]),
        ("src/cart.ts(4,7): error TS2322: Type 'string' is not", ["TS2322"]),
        ("Exit code 1\ncart.go:95:24: string `x` has 5 occurrences (goconst)", ["goconst"]),
        ("cart.py:3:1: F401 `os` imported but unused", ["F401"]),
        ('cart.py:3: error: Incompatible return value type (got "int")  [return-value]', ["return-value"]),
        ("cart.go:17:3: undefined: total", ["undefined name"]),
        ("Exit code 1\n--- FAIL: TestTotal (0.00s)\nFAIL shop 0.1s", ["test failure"]),
        ("== 2 failed, 3 passed in 0.1s ==", ["test failure"]),
        ("Exit code 127\nzsh: command not found: tox", ["exit code 127", "command not found"]),
        ("Exit code 1", ["exit code 1"]),
        ("Command timed out after 2m", ["timeout"]),
        ("npm error: ENOENT: no such file or directory, open 'x'", ["ENOENT", "no such file"]),
        ("panic: runtime error: index out of range", ["panic"]),
        ("fatal: not a git repository", ["fatal"]),
        ("String to replace not found in file.", ["edit not found"]),
        ("all is well: 0 failed, error-free", []),
    ],
)
def test_an_error_has_the_name_that_its_program_gave_it(printed, names):
    assert list(error_names(printed)) == names


@given(st.text(max_size=500))
def test_whatever_was_printed_has_few_names(printed):
    assert len(error_names(printed)) <= MOST
    is_pasted_error(printed)


def test_what_somebody_stopped_is_no_error():
    assert was_stopped("The user doesn't want to proceed with this tool use. STOP")
    assert was_stopped("Sibling tool call errored")
    assert not was_stopped("Exit code 1\nThe user doesn't want to proceed")


@pytest.mark.parametrize(
    "said",
    [
        "why?\nTraceback (most recent call last):\n  File",
        "TypeError: x is not a function\n    at total (cart.js:3:5)",
        "it says error[E0308]: mismatched types",
        "cart.c:3:5: error: expected ';'",
    ],
)
def test_a_pasted_error_is_told_from_talk_of_errors(said):
    assert is_pasted_error(said) == ("it says" not in said)
    assert not is_pasted_error("we should handle errors: and the TypeError too")


@pytest.mark.parametrize(
    ("command", "output", "hidden"),
    [
        ("go test ./... 2>&1 | tail -5", "--- FAIL: TestCart", True),
        ("make lint || true", "cart.c:3:5: error: expected ';'", True),
        ("go test ./...", "--- FAIL: TestCart", False),
        ("grep -rn FAIL . | head", "--- FAIL: TestCart", False),
        ("go test ./... | tail -5", "ok  shop 0.1s", False),
    ],
)
def test_a_failure_behind_a_pipe_is_seen(command, output, hidden):
    assert bool(hidden_failure(command, output)) is hidden


@pytest.mark.parametrize(
    "told", ["assert 4 == 3\n +  where 4 = total([1, 2])", "    def test():\n>       assert a\nE       assert 4 == 3"]
)
def test_what_pytest_says_of_a_bare_assert_is_an_assertion_error(told):
    assert error_names(told) == ("AssertionError",)


def test_a_file_with_asserts_is_none():
    assert error_names("def test():\n    assert total() == 3\nassert True") == ()
