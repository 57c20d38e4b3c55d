"""What stored quality runs tell, through a real MCP client."""

from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp import runs_reading
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.clock import SystemClock
from session_mgmt_mcp.domain.runs.run import Tree
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.ports.quality_runner import Command, Complexity, LinesRun, Options, Outcome

from tests.unit.runs.samples import finding, of_tests, run

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
CART, TAX, ODD = "tests/test_cart.py::test_total", "tests/test_tax.py::test_rate", "tests/test_odd.py::test_luck"
PAIRS = [
    ("crackerjack_metrics", "get_crackerjack_quality_metrics"),
    ("crackerjack_history", "get_crackerjack_results_history"),
    ("crackerjack_patterns", "analyze_crackerjack_test_patterns"),
]
EVERY = [*(name for pair in PAIRS for name in pair), "crackerjack_quality_trends"]


class Shop:
    """The product in a project, with runs that were made there so many hours ago."""

    def __init__(self, app, client, folder, clock):
        self.app, self.client, self.folder, self.clock = app, client, folder, clock

    async def call(self, name, /, **arguments):
        return (await self.client.call_tool(name, arguments)).structured_content

    async def refused(self, name, /, **arguments):
        result = await self.client.call_tool(name, arguments, raise_on_error=False)
        assert result.is_error
        return result.content[0].text

    async def keep(self, made, hours, printed=""):
        at = self.clock.now() - timedelta(hours=hours)
        project = await self.app.projects.project_of(str(self.folder))
        history = self.app.runs.history
        id = history.id_of(project, at)
        writer = history.writer(id)
        await writer.printed(printed)
        await writer.close()
        fields = {name: getattr(made, name) for name in type(made).__dataclass_fields__}
        return await history.keep(type(made)(**{**fields, "id": id, "project": project, "at": at}), writer.sizes)


@pytest.fixture
async def stored(product_in, shop, monkeypatch):
    clock = FixedClock(datetime.now(UTC))  # what is stored expires by the real one
    monkeypatch.setattr(SystemClock, "now", lambda _: clock.now())
    async with product_in(shop) as (app, client):
        yield Shop(app, client, shop, clock)


@pytest.fixture
async def story(stored):
    """A test that is mended, one that is flaky, one that still fails, and a finding of the linter that goes away."""
    no, odd, tax = {CART: "AssertionError: assert 4 == 3"}, {ODD: "TimeoutError: after 3 s"}, {TAX: "KeyError: 'rate'"}
    lint = {"findings": [finding("shop/cart.py")]}
    made = [
        of_tests(0, no, [ODD, TAX], edited=(), lines_run=LinesRun(50, 100)),
        of_tests(0, no | odd, [TAX], edited=(), lines_run=LinesRun(60, 100)),
        run(0, Command.LINT, 1, edited=("shop/cart.py",), **lint),
        of_tests(0, no, [ODD, TAX], edited=("shop/tax.py",), lines_run=LinesRun(70, 100)),
        run(0, Command.LINT, edited=("shop/cart.py",)),
        of_tests(0, tax, [CART, ODD], edited=("shop/total.py",), lines_run=LinesRun(80, 100), session="s2"),
    ]
    for hours, one in zip(range(len(made), 0, -1), made, strict=True):
        await stored.keep(one, hours, printed="collected 3 items\n")
    return stored


async def test_without_a_run_the_answer_says_what_to_call(stored):
    for name in EVERY:
        reply = await stored.call(name)
        assert reply["summary"].startswith("No quality run of this project is stored: call crackerjack_run"), name
        lists = [value for value in reply.values() if isinstance(value, list)]
        assert lists and not any(lists), name


async def test_runs_of_earlier_days_are_named(stored):
    await stored.keep(of_tests(0, {}, [CART]), 24 * 50)
    day = stored.clock.now() - timedelta(days=50)
    for name in EVERY:
        assert f"the newest is of {day:%Y-%m-%d}: ask for more days" in (await stored.call(name))["summary"], name
        assert "No quality run" not in (await stored.call(name, days=60))["summary"], name


async def test_an_alias_takes_and_answers_the_same(story):
    tools = {tool.name: tool for tool in await story.client.list_tools()}
    for name, alias in PAIRS:
        assert tools[name].input_schema == tools[alias].input_schema
        assert name in tools[alias].description
        assert await story.call(name) == await story.call(alias), alias


async def test_parameters_are_as_they_always_were(stored):
    tools = {tool.name: tool.input_schema["properties"] for tool in await stored.client.list_tools()}
    expected = {
        "crackerjack_metrics": {"working_directory": None, "days": 30},
        "crackerjack_quality_trends": {"days": 30, "working_directory": None},
        "crackerjack_history": {"command_filter": None, "days": 7, "working_directory": None},
        "crackerjack_patterns": {"days": 7, "working_directory": None},
    }
    for name, parameters in expected.items():
        assert {key: tools[name][key]["default"] for key in parameters} == parameters


async def test_metrics_are_series_of_what_whole_runs_measured(story):
    await story.keep(of_tests(0, {}, [CART], lines_run=LinesRun(1, 100), options=Options(paths=("tests/a.py",))), 0.5)
    reply = await story.call("crackerjack_metrics")
    by = {(one["name"], one["by"]): one for one in reply["metrics"]}
    coverage = by["coverage", "pytools"]
    assert [point["value"] for point in coverage["points"]] == [80, 70, 60, 50]
    assert (coverage["unit"], coverage["last"], coverage["least"], coverage["most"]) == ("%", 80, 50, 80)
    assert [point["value"] for point in by["lint findings", "pytools: ruff"]["points"]] == [0, 1]
    assert [point["value"] for point in by["tests failed", "pytools"]["points"]] == [1, 1, 2, 1]
    assert by["pass rate", "pytools"]["last"] == 66.67
    assert by["seconds", "test by pytools"]["count"] == 4
    assert reply["summary"].startswith("7 runs in the last 30 days; last coverage 80 %, lint findings 0, ")


async def test_one_metric_may_be_asked_for(story):
    reply = await story.call("crackerjack_metrics", metric="type errors")
    assert reply["metrics"] == [] and "No run in the last 30 days measured that" in reply["summary"]
    assert [one["name"] for one in (await story.call("crackerjack_metrics", metric="coverage"))["metrics"]] == [
        "coverage"
    ]


async def test_many_points_are_cut_evenly_to_the_budget(stored):
    for n in range(60):
        await stored.keep(of_tests(n, {}, [CART], lines_run=LinesRun(n, 100)), 60 - n)
    reply = await stored.call("crackerjack_metrics")
    lengths = {len(one["points"]) for one in reply["metrics"]}
    assert len(lengths) == 1 and 5 < lengths.pop() < 60 and len(reply["metrics"]) == 5
    assert all(one["count"] == 60 for one in reply["metrics"]) and "Of each the newest" in reply["summary"]
    assert reply["metrics"][0]["points"][0]["value"] == 59
    more = (await stored.call("crackerjack_metrics", metric="coverage"))["metrics"][0]
    assert len(more["points"]) == 60


async def test_trends_say_what_gets_worse_first_and_what_is_too_little(stored):
    for n in range(8):
        made = of_tests(n, dict.fromkeys(map(str, range(n)), "no"), [CART], lines_run=LinesRun(50 + n, 100))
        await stored.keep(made, 8 - n)
    await stored.keep(run(0, Command.COMPLEXITY, complexity=Complexity(9, 2, 15)), 0.5)
    reply = await stored.call("crackerjack_quality_trends")
    by = {one["metric"]: one for one in reply["trends"]}
    assert (by["coverage"]["direction"], by["tests failed"]["direction"]) == ("improving", "declining")
    assert (by["coverage"]["per_run"], by["coverage"]["runs"], by["complex functions"]["direction"]) == (
        1,
        8,
        "unknown",
    )
    assert 0 < by["coverage"]["p"] < 0.001
    worse = "tests failed rise by 1 a run over 8 runs (p < 0.001), from 0 to 7."
    assert worse in reply["insights"][:2] and "coverage rises by 1 points a run" in " ".join(reply["insights"])
    assert "complex functions: too few runs (1) to tell a trend; last 2." in reply["insights"]
    assert "2 declining" in reply["summary"] and "2 too few to tell" in reply["summary"]


async def test_a_trend_is_that_of_the_tools_that_measured_last(story):
    await story.keep(run(0, Command.LINT, 40, runner="crackerjack"), 0.5)
    trends = (await story.call("crackerjack_quality_trends"))["trends"]
    assert [(one["by"], one["last"]) for one in trends if one["metric"] == "lint findings"] == [
        ("crackerjack: ruff", 40)
    ]


async def test_history_tells_what_failed_in_each_run_newest_first(story):
    reply = await story.call("crackerjack_history")
    assert [one["command"] for one in reply["runs"]] == ["test", "lint", "test", "lint", "test", "test"]
    assert [one["failed"] for one in reply["runs"]][::2] == [[TAX], [CART], [CART, ODD]]
    assert reply["runs"][3]["what"].endswith("1 finding of lint.")
    assert reply["summary"].startswith(
        "6 runs in the last 7 days: 5 with findings, 1 clean. The last one: test by pytools"
    )


async def test_history_tells_which_commands_were_worth_it(stored):
    for n in range(8):
        made = run(n, Command.LINT) if n % 2 else of_tests(n, {CART: "no"} if n < 6 else {}, [TAX])
        await stored.keep(made, 8 - n)
    said = [
        "With tests failing before, lint found something in 0 of 3 runs; half took at most 10 s.",
        "With nothing found before, test found something in 2 of 3 runs; by the next test it was gone in 1 of 2; "
        "half took at most 10 s.",
    ]
    assert (await stored.call("crackerjack_history"))["effective"] == said
    assert (await stored.call("crackerjack_history", command_filter="lint"))["effective"] == said[:1]


async def test_history_of_one_command(story):
    reply = await story.call("crackerjack_history", command_filter="lint")
    assert [one["outcome"] for one in reply["runs"]] == ["clean", "findings"]
    assert (await story.call("crackerjack_history", command_filter="check"))[
        "summary"
    ] == "No run of check in the last 7 days, but 6 others."
    assert "command_filter" in await story.refused("crackerjack_history", command_filter="--lint")


async def test_one_run_is_read_whole_with_what_it_printed_page_by_page(stored):
    printed = "".join(f"line {n} of what it printed\n" for n in range(2_000))
    made = of_tests(0, {CART: "AssertionError: assert 4 == 3"}, [TAX], edited=("a.py",), changed=(), ran=["pytest -q"],
                    options=Options(workers=2), tree=Tree("c0ffee"))  # fmt: skip
    kept = await stored.keep(made, 1, printed)
    page = await stored.call("crackerjack_history", run=kept.id)
    whole = page["run"]
    assert (whole["id"], whole["ran"], whole["edited"], whole["changed"]) == (kept.id, ["pytest -q"], ["a.py"], [])
    assert (whole["options"], whole["failed"][0]["id"]) == ({"workers": "2"}, CART)
    text, pages = page["output"], 1
    while page["next_offset"] is not None:
        assert f"Go on with offset={page['next_offset']}." in page["summary"] and page["next_offset"] == len(text)
        page = await stored.call("crackerjack_history", run=kept.id, offset=page["next_offset"])
        assert page["run"] is None and page["output_total"] == len(printed)
        text, pages = text + page["output"], pages + 1
    assert text == printed and pages > 3


async def test_a_run_of_which_nothing_was_printed_says_so(story):
    kept = await story.keep(run(0, Command.LINT, outcome=Outcome.TIMEOUT, note="Give it more time."), 0.1)
    page = await story.call("crackerjack_history", run=kept.id)
    assert "Nothing that it printed is kept." in page["summary"] and page["run"]["note"] == "Give it more time."


async def test_a_run_of_another_project_is_not_read(story, tmp_path):
    [newest, *_] = (await story.call("crackerjack_history"))["runs"]
    other = tmp_path / "blog"
    other.mkdir()
    said = await story.refused("crackerjack_history", run=newest["id"], working_directory=str(other))
    assert said.startswith("run: no run ") and "of this project is stored" in said
    assert "of this project" in await story.refused("crackerjack_history", run="nonsense")
    assert (await story.call("crackerjack_history", working_directory=str(other)))["runs"] == []
    assert "absolute" in await story.refused("crackerjack_history", working_directory="shop")


async def test_patterns_tell_the_story(story):
    reply = await story.call("crackerjack_patterns")
    assert [(one["error"], one["pattern"], one["failures"]) for one in reply["failures"]] == [
        ("AssertionError", "AssertionError: assert <number> == <number>", 3),
        ("KeyError", "KeyError: <value>", 1),
        ("TimeoutError", "TimeoutError: after <number> s", 1),
    ]
    [odd] = reply["flaky"]
    assert (odd["test"], odd["failed"], odd["passed"], len(odd["shown"])) == (ODD, 1, 3, 1)
    [fixed] = reply["fixed"]
    assert (fixed["tests"], fixed["failures"], fixed["hours"]) == ([CART], 3, 5)
    assert (fixed["edited"], fixed["tried"]) == (["shop/cart.py", "shop/total.py"], ["shop/cart.py", "shop/tax.py"])
    assert fixed["sessions"] == ["s1", "s2"]
    ids = [one["id"] for one in (await story.call("crackerjack_history"))["runs"]]
    assert (fixed["first_failed"], fixed["last_failed"], fixed["passed"]) == (ids[5], ids[2], ids[0])
    [standing] = reply["standing"]
    assert (standing["tests"], standing["example"], standing["first_failed"]) == ([TAX], "KeyError: 'rate'", ids[0])
    assert standing["hours"] == 1 and reply["unsteady"] == reply["dropped"] == []
    assert reply["summary"] == (
        "4 runs of tests in the last 7 days: 3 kinds of failure, 1 flaky, 0 unsteady, 1 still failing, 1 fixed."
    )


async def test_runs_without_tests_have_no_patterns(stored):
    await stored.keep(run(0, Command.LINT, 1), 1)
    assert "call crackerjack_run with the command test" in (await stored.call("crackerjack_patterns"))["summary"]


async def test_secrets_in_what_a_program_printed_are_not_told(stored):
    made = of_tests(0, {f"t.py::a[{TOKEN}]": f"KeyError: '{TOKEN}'"}, edited=(f"{TOKEN}.py",), note=f"set {TOKEN}")
    kept = await stored.keep(made, 1, f"with {TOKEN}\n")
    said = [await stored.call(name) for name in ("crackerjack_history", "crackerjack_patterns", "crackerjack_metrics")]
    said.append(await stored.call("crackerjack_history", run=kept.id))
    assert TOKEN not in str(said) and "[redacted:" in str(said)


async def test_every_answer_fits_its_budget(stored):
    long = "x" * 3_000
    for n in range(12):
        bad = {f"tests/test_{k}.py::test_{long[:200]}_{k}": f"E{k}Error: {long}" for k in range(n % 2, 60)}
        made = of_tests(
            0, bad if n % 3 else {}, [] if n % 3 else list(bad), edited=[f"{long[:90]}{k}" for k in range(80)]
        )
        kept = await stored.keep(made, 12 - n, long * 20)
    for name in ("crackerjack_metrics", "crackerjack_quality_trends", "crackerjack_history", "crackerjack_patterns"):
        for more in ({}, {"run": kept.id}) if name == "crackerjack_history" else ({},):
            said = (await stored.client.call_tool(name, more)).content[0].text
            assert tokens(said) <= 4_000, name
    reply = await stored.call("crackerjack_patterns")
    assert all(reply[kind] for kind in ("failures", "unsteady", "fixed", "standing"))
    one = await stored.call("crackerjack_history", run=kept.id)
    assert one["run"]["failed"] and one["output"] and one["next_offset"] == len(one["output"])


async def test_of_very_many_runs_the_newest_are_told(stored, monkeypatch):
    monkeypatch.setattr(runs_reading, "MOST_HELD", 2)
    for n in range(3):
        await stored.keep(of_tests(n, {str(n): "no"}), 3 - n)
    reply = await stored.call("crackerjack_history")
    assert [one["failed"] for one in reply["runs"]] == [["2"], ["1"]]
    assert reply["summary"].startswith("2 runs in the last 7 days, the newest: 2 with findings.")
    assert (await stored.call("crackerjack_metrics", metric="tests failed"))["metrics"][0]["count"] == 3
