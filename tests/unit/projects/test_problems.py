"""What counts as the same problem in two projects."""

from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.domain.project_graph.problems import Occurrence, occurrences, problem_of, shared
from session_mgmt_mcp.ports.vector_store import Record

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WEEK = NOW - timedelta(days=7)


def failed(error: str, days_ago: float = 1, *facts: str) -> Record:
    call = {"tool": "Bash", "ok": False, "error": error, "command": "make"}
    time = NOW - timedelta(days=days_ago)
    return Record(f"{error[:20]}{days_ago}", "action", error, "shop", time, facts=facts, metadata={"call": call})


def seen(project: str, error: str, days_ago: float = 1) -> Occurrence:
    [found] = occurrences(failed(error, days_ago), project)
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cart.go:12: undefined: sum", "total.go:99:1: undefined: sum"),
        ("cart.ts(1,2): error TS2322: no", "src/blog.ts(3,4): error TS2322: no"),
        ("Exit code 1\nKeyError: 'total'", "Exit code 2\nsome log\nKeyError: 'total'"),
        ("/a/cart.go:12:3: undefined: sum", "/b/deep/total.go:1:99: undefined: sum"),
        ("Traceback (most recent call last):\n  File \"/a.py\", line 3\nValueError: port 8081", "ValueError: port 9"),
        ("E   ConnectionResetError: [Errno 104] reset", "E   ConnectionResetError: [Errno 54] reset"),
        ("src/cart.ts(12,3): error TS2322: no", "src/blog.ts(1,3): error TS2322: no"),
        ("curl: (7) Failed to connect to localhost port 8081 after 0 ms: Connection refused",
         "curl: (7) Failed to connect to localhost port 80 after 12 ms: Connection refused"),
    ],
)  # fmt: skip
def test_numbers_paths_and_times_make_no_difference(one, other):
    assert problem_of(one) == problem_of(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'total'", "KeyError: 'price'"),
        ("ModuleNotFoundError: No module named 'httpx'", "ModuleNotFoundError: No module named 'redis'"),
        ("bash: tox: command not found", "bash: nox: command not found"),
        ("TypeError: 'int' object is not callable", "TypeError: 'str' object is not callable"),
    ],
)
def test_another_name_is_another_problem(one, other):
    assert problem_of(one) != problem_of(other)


@pytest.mark.parametrize(
    "error", ["", "Exit code 1", "Exit code 1\n3 failed", "Error: 12", "AssertionError", "  \n 1 "]
)
def test_what_says_next_to_nothing_is_no_problem(error):
    assert problem_of(error) == ""
    assert occurrences(failed(error), "shop") == []


def test_errors_of_the_assistants_own_tools_are_no_problems_of_a_project():
    call = {"tool": "Read", "ok": False, "error": "File does not exist: cart.py", "command": ""}
    assert occurrences(Record("r", "action", "Read: cart.py", "shop", NOW, metadata={"call": call}), "shop") == []


def test_a_line_that_only_says_that_it_failed_is_passed_over():
    assert problem_of("[lint] ERROR task failed\nmake: *** [test] Error 2\ncart.go:3:5: undefined: sum") == (
        "<path>: undefined: sum"
    )


def test_each_rule_that_a_linter_found_broken_is_a_problem_whatever_it_says():
    lint = "cart.go:3:5: string `open` has 3 occurrences (goconst)\ncart.go:9:1: error TS2322: Type 'Cart' is no Post"
    found = occurrences(failed(lint, 1, "error:goconst", "error:TS2322", "error:test failure"), "shop")
    assert [(one.problem, one.name) for one in found] == [("goconst", "goconst"), ("TS2322", "TS2322")]


def test_a_failure_that_a_quality_run_told_is_the_same_problem():
    text = "tests/test_cart.py::test_total failed in a test run by pytools:\nKeyError: 'total'"
    told = Record("q", "quality", text, "shop", NOW, facts=("outcome:failed", "error:KeyError"))
    [found] = occurrences(told, "shop")
    assert (found.problem, found.name) == (problem_of("KeyError: 'total'"), "KeyError")


def test_shared_is_what_two_projects_had_and_one_of_them_lately():
    both = [seen("shop", "KeyError: 'a'", 90), seen("blog", "KeyError: 'a'", 1)]
    long_ago = [seen("shop", "KeyError: 'b'", 90), seen("blog", "KeyError: 'b'", 80)]
    alone = [seen("shop", "KeyError: 'c'", 1), seen("shop", "KeyError: 'c'", 2)]
    [problem] = shared([*both, *long_ago, *alone], WEEK)
    assert problem.text == "KeyError: a" and problem.recent == 1 and problem.projects == {"blog": 1, "shop": 1}
    assert [one.project for one in problem.occurrences] == ["shop", "blog"] and problem.last == NOW - timedelta(days=1)


def test_what_most_projects_had_comes_first_then_what_came_up_most_lately():
    some = [seen(project, "KeyError: 'rare'", n) for n, project in enumerate(("shop", "blog", "core"))]
    some += [seen(project, "KeyError: 'often'", n) for n, project in enumerate(("shop", "blog") * 3)]
    some += [seen(project, "KeyError: 'once'") for project in ("shop", "blog")]
    assert [problem.text[10:] for problem in shared(some, WEEK)] == ["rare", "often", "once"]
