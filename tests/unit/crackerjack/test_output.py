"""What crackerjack prints is read, and nothing that it may print is an error."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.crackerjack.hooks import aspect_of
from session_mgmt_mcp.adapters.crackerjack.output import Found, Hook, Marked, Reading, found_in, read
from session_mgmt_mcp.ports.quality_runner import Aspect, StepStatus

from tests.unit.crackerjack import printed


def hooks(text: str) -> Mapping[str, Hook]:
    return {hook.name: hook for hook in read(text.splitlines()).hooks()}


def statuses(text: str) -> Mapping[str, StepStatus]:
    return {name: hook.status for name, hook in hooks(text).items()}


def test_the_last_attempt_counts() -> None:
    assert statuses(printed.FAST_TWICE) == {
        "ruff-format": StepStatus.PASSED,
        "codespell": StepStatus.PASSED,
        "ruff-check": StepStatus.FAILED,
        "uv-lock": StepStatus.FAILED,
        "pip-audit": StepStatus.SKIPPED,
    }
    checked = hooks(printed.FAST_TWICE)["ruff-check"]
    assert (checked.seconds, checked.issues) == (5.01, 1)
    assert list(checked.found) == [Found("F821", "/srv/shop/shop/names.py", 5, "Undefined name `first_nmae`")]


def test_what_all_passed_is_told_with_how_long_it_took() -> None:
    told = hooks(printed.FAST_PASSED)
    assert [(hook.status, hook.seconds) for hook in told.values()] == [
        (StepStatus.PASSED, 5.0),
        (StepStatus.PASSED, 5.0),
        (StepStatus.SKIPPED, 5.01),
    ]


def test_a_tool_that_is_not_installed_is_no_finding() -> None:
    told = hooks(printed.COMPREHENSIVE)
    for name in ("semgrep", "betterleaks", "lychee"):
        assert (told[name].status, told[name].issues) == (StepStatus.MISSING, 0)
        assert f"install {name}" in told[name].message


def test_findings_have_their_place_and_rule() -> None:
    told = hooks(printed.COMPREHENSIVE)
    assert [(one.file, one.line, one.rule) for name in ("pyscn", "ty", "refurb") for one in told[name].found] == [
        ("shop/routes.py", 4, ""),
        ("shop/labels.py", 5, ""),
        ("shop/names.py", 5, ""),
        ("shop/routes.py", 18, "FURB108"),
        ("shop/routes.py", 24, "FURB108"),
    ]
    assert told["ty"].found[0].message.startswith("Return type does not match")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "a/b.py:3:7: error[invalid-return-type] It is no str",
            Found("invalid-return-type", "a/b.py", 3, "It is no str"),
        ),
        ("a/b.py:3: warning: [W605] Odd", Found("W605", "a/b.py", 3, "Odd", "warning")),
        (
            "a.py:9 - python.lang.security.audit.shell: Do not",
            Found("python.lang.security.audit.shell", "a.py", 9, "Do not"),
        ),
        ("README.md:3: teh ==> the", Found("", "README.md", 3, "teh ==> the")),
        ("two words.md:12: a link", Found("", "two words.md", 12, "a link")),
        ("a.py:0: nowhere", None),
        ("https://example.org:80: refused", None),
        ("error: The project is marked as unmanaged: /srv/shop", None),
        ("Exit code: 1", None),
    ],
)
def test_a_place_is_read_in_each_form_that_hooks_use(said: str, expected: Found | None) -> None:
    assert found_in(said) == expected


def failing(name: str, *details: str, status: str = "FAILED") -> Hook:
    said = "\n".join(f" - {detail}" for detail in details)
    text = f"{name}.......... ❌\n\nFast Hook Results:\n - {name} :: {status} | 1.00s | issues=1\n\n"
    return hooks(f"{text}Details for failing fast hooks (shop):\n - {name} ({status.lower()})\n{said}\n")[name]


@pytest.mark.parametrize(
    ("name", "detail", "status"),
    [
        ("uv-lock", "error: Failed to fetch: `https://packages.example.org/attrs/`", StepStatus.SKIPPED),
        ("pip-audit", "ConnectionError: Max retries exceeded with url: /v1/query", StepStatus.SKIPPED),
        ("pip-audit", "error: Failed to spawn: `pip-audit`", StepStatus.MISSING),
        ("refurb", "/opt/cj/bin/python: No module named refurb", StepStatus.MISSING),
        ("ty", "Error while finding module specification for 'crackerjack.tools.ty_ratchet'", StepStatus.MISSING),
        ("pyscn", "Tool crashed (infrastructure error): ValueError: no", StepStatus.CRASHED),
        ("check-toml", "a.toml:3: connection refused is no key", StepStatus.FAILED),
        ("creosote", "Found dependencies in pyproject.toml: attrs", StepStatus.FAILED),
    ],
)
def test_a_failure_is_known_for_what_it_is(name: str, detail: str, status: StepStatus) -> None:
    hook = failing(name, detail)
    assert hook.status is status and hook.message


@pytest.mark.parametrize("word", ["TIMEOUT", "ERROR"])
def test_a_hook_that_did_not_end_by_itself_crashed(word: str) -> None:
    hook = failing("refurb", "Hook timed out after 600.0s", status=word)
    assert (hook.status, hook.message) == (StepStatus.CRASHED, "Hook timed out after 600.0s")


def test_what_failed_before_its_results_were_told_has_failed() -> None:
    cut = printed.FAST_TWICE[: printed.FAST_TWICE.index("❌ Fast hooks attempt 1")]
    assert statuses(cut)["ruff-check"] is StepStatus.FAILED and not read(cut.splitlines()).whole


def test_of_a_second_attempt_that_was_cut_off_the_first_one_is_kept() -> None:
    cut = printed.FAST_TWICE[: printed.FAST_TWICE.rindex("ruff-check........")]
    told = hooks(cut)
    assert told["codespell"].status is StepStatus.PASSED
    assert (told["ruff-check"].status, told["ruff-check"].issues) == (StepStatus.FAILED, 2)


def test_each_hook_that_ends_is_told_as_it_ends() -> None:
    reading = Reading()
    told = [marked for line in printed.FAST_TWICE.splitlines() if (marked := reading.line(line))]
    assert told[0] == Marked("codespell", 1, 1, None)
    assert told[4] == Marked("pip-audit", 1, 5, None)
    assert told[5] == Marked("ruff-format", 2, 1, 5)
    assert [marked.done for marked in told] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_what_was_not_understood_is_told() -> None:
    assert read(printed.NO_SUCH_OPTION.splitlines()).misused.startswith("No such option: --ai-fixx")


def test_why_it_failed_is_told() -> None:
    told = read(printed.TESTS_BROKEN.splitlines())
    assert told.failed.startswith("Workflow failed: Task tests failed") and not told.hooks()


LINES = [line for text in (printed.FAST_TWICE, printed.COMPREHENSIVE) for line in text.splitlines() if line]


torn = st.tuples(st.sampled_from(LINES), st.integers(0, 60), st.text()).map(lambda one: one[0][: one[1]] + one[2])


@given(st.lists(st.one_of(st.sampled_from(LINES), torn, st.text())))
def test_no_output_is_an_error(lines: list[str]) -> None:
    for hook in read(lines).hooks():
        assert hook.name and hook.issues >= len(hook.found)
        assert hook.message or hook.status in (StepStatus.PASSED, StepStatus.FAILED)
        assert hook.seconds is None or hook.seconds >= 0


@given(st.from_regex(r"[\w./ -]{0,9}:\d{1,12}(:\d+)?[: -]{0,3}(error|warning)?\[?[A-Z0-9a-z.-]{0,9}\]?:? ?.*"))
def test_no_finding_is_an_error(said: str) -> None:
    found = found_in(said)
    assert found is None or (found.line >= 1 and found.file)


def test_a_hook_that_nobody_knows_looks_at_something_else() -> None:
    assert aspect_of("new-hook") is Aspect.OTHER
