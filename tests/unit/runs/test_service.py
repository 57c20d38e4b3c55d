import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from session_mgmt_mcp.adapters.memory.quality_runner import MemoryQualityRunner
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.runs.history import LONGEST, LOST
from session_mgmt_mcp.domain.runs.outputs import PIECE
from session_mgmt_mcp.domain.runs.records import run_of
from session_mgmt_mcp.domain.runs.seen import record_of
from session_mgmt_mcp.domain.runs.series import series
from session_mgmt_mcp.domain.runs.service import Wish
from session_mgmt_mcp.ports.errors import Invalid, Unavailable, Unsupported
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    CaseStatus,
    Command,
    Finding,
    LinesRun,
    Outcome,
    RunReport,
    Step,
    StepStatus,
)

TESTS = Step("pytest", Aspect.TESTS, StepStatus.PASSED)
FAILED = Step("pytest", Aspect.TESTS, StepStatus.FAILED, findings=1)


def report_of(*failing, passing=("t.py::one",), seconds=1.0):
    cases = [Case(id, CaseStatus.FAILED, "t.py", 3, 0.1, "AssertionError: assert 1 == 2") for id in failing]
    cases += [Case(id, CaseStatus.PASSED, "t.py", 1) for id in passing]
    step = FAILED if failing else TESTS
    outcome = Outcome.FINDINGS if failing else Outcome.CLEAN
    return RunReport("", "", Command.TEST, outcome, seconds, steps=[step], cases=cases)


def linted(*findings):
    status = StepStatus.FAILED if findings else StepStatus.PASSED
    step = Step("ruff", Aspect.LINT, status, findings=len(findings))
    found = [Finding("ruff", Aspect.LINT, rule, file, 1, "bad") for rule, file in findings]
    return RunReport(
        "", "", Command.LINT, Outcome.FINDINGS if findings else Outcome.CLEAN, 1.0, steps=[step], findings=found
    )


async def run(bench, command="test", args="", **more):
    async def nobody(progress):
        pass

    bench.clock.advance(minutes=1)
    return await bench.runs.run(Wish(bench.folder, command, args, session="s1", **more), nobody)


async def all_runs(bench):
    project = await bench.app.projects.project_of(str(bench.folder))
    return await bench.runs.history.since(project, bench.clock.now() - timedelta(days=3))


async def test_a_run_is_kept_whole(bench):
    bench.runner.reports = [report_of("t.py::two")]
    done = await run(bench)
    assert await all_runs(bench) == [done.run]


async def test_what_it_printed_is_kept_without_its_secrets(bench):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    bench.runner.prints = [f"token {secret}\n", "end\n"]
    done = await run(bench)
    page = await bench.runs.history.output(done.run.id)
    assert page.text.startswith("token [redacted:") and page.text.endswith("end\n") and page.total == len(page.text)


async def test_a_secret_in_a_failing_test_is_not_kept(bench):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    report = report_of()
    bench.runner.reports = [
        RunReport("", "", Command.TEST, Outcome.FINDINGS, 1.0, steps=[FAILED],
                  cases=[Case(f"t.py::one[{secret}]", CaseStatus.FAILED, "t.py", 1, 0.1, f"assert '{secret}'")])
    ]  # fmt: skip
    done = await run(bench)
    documents = [path.read_text() for path in bench.app.settings.data_dir.rglob("*.json")]
    assert report and secret not in str(done) and not any(secret in text for text in documents)


async def test_output_longer_than_a_piece_is_read_page_by_page(bench):
    lines = [f"line {number:07}\n" for number in range(120_000)]
    bench.runner.prints = ["".join(lines[at : at + 500]) for at in range(0, len(lines), 500)]
    done = await run(bench)
    page = await bench.runs.history.output(done.run.id, 0, 1_000_000)
    rest = await bench.runs.history.output(done.run.id, page.next, 10_000_000)
    assert page.text + rest.text == "".join(lines) and rest.next is None
    middle = await bench.runs.history.output(done.run.id, 700_007, 20)
    assert middle.text == "".join(lines)[700_007:700_027]


async def test_what_was_edited_since_the_run_before_is_known(bench):
    await run(bench)
    bench.write("shop/cart.py", "TOTAL = 2\n")
    bench.write("shop/new.py", "")
    bench.git("add", "shop/cart.py")
    bench.git("commit", "-qm", "second")
    assert (await run(bench)).run.edited == ["shop/cart.py", "shop/new.py"]
    assert (await run(bench)).run.edited == []
    (bench.folder / "shop/new.py").unlink()
    bench.write("shop/cart.py", "TOTAL = 3\n")
    assert (await run(bench)).run.edited == ["shop/cart.py", "shop/new.py"]
    bench.git("checkout", "-q", ".")
    assert (await run(bench)).run.edited == ["shop/cart.py"]


async def test_files_that_the_run_changes_are_told_and_are_no_edits_of_the_next(bench):
    async def formats(request):
        bench.write("shop/tax.py", "RATE = 3\n")
        bench.write("htmlcov/index.html", "")
        bench.write(".coverage", "")
        return report_of()

    bench.runner.reports = [formats]
    assert (await run(bench)).run.changed == ["shop/tax.py"]
    assert (await run(bench)).run.edited == []


async def test_outside_of_git_edits_are_known_as_well(bench):
    plain = bench.folder.parent / "plain"
    plain.mkdir()
    (plain / "pyproject.toml").write_text('[project]\nname = "plain"\n')
    (plain / "one.py").write_text("A = 1\n")

    async def nobody(progress):
        pass

    await bench.runs.run(Wish(plain, "test"), nobody)
    (plain / "one.py").write_text("A = 2\n")
    bench.clock.advance(minutes=1)
    assert (await bench.runs.run(Wish(plain, "test"), nobody)).run.edited == ["one.py"]


async def test_what_newly_fails_and_what_is_mended_is_told(bench):
    bench.runner.reports = [
        report_of("t.py::two"),
        report_of("t.py::two"),
        report_of(passing=("t.py::one", "t.py::two")),
    ]
    first, second = await run(bench), await run(bench)
    bench.write("shop/cart.py", "TOTAL = 2\n")
    third = await run(bench)
    assert [one.failure.key for one in first.feedback.course.fresh] == ["test t.py::two"]
    assert not second.feedback.course.fresh
    mended = third.feedback.course.mended
    assert [(one.failure.key, one.runs, list(one.edited)) for one in mended] == [
        ("test t.py::two", 2, ["shop/cart.py"])
    ]


async def test_what_the_first_look_finds_is_nothing_new_and_what_the_next_finds_is(bench):
    old, new = ("F821", "shop/cart.py"), ("F821", "shop/tax.py")
    bench.runner.reports = [linted(old), linted(old, new), linted(new)]
    first, second, third = [await run(bench, "lint") for _ in range(3)]
    assert not first.feedback.course.fresh
    assert [one.failure.file for one in second.feedback.course.fresh] == ["shop/tax.py"]
    assert [one.failure.file for one in third.feedback.course.mended] == ["shop/cart.py"]


async def test_a_test_that_is_there_no_more_is_not_mended(bench):
    bench.runner.reports = [report_of("t.py::two"), report_of()]
    await run(bench)
    done = await run(bench)
    assert not done.feedback.course.mended and not done.feedback.course.standing


async def test_a_run_of_some_files_mends_nothing_that_it_did_not_look_at(bench):
    bench.runner.reports = [report_of("t.py::two"), report_of(), linted(("F821", "shop/cart.py")), linted()]
    await run(bench)
    assert list((await run(bench, args="shop/tax.py")).feedback.course.standing) == ["test t.py::two"]
    await run(bench, "lint")
    assert "ruff F821 shop/cart.py" in (await run(bench, "lint", "shop/tax.py")).feedback.course.standing


async def test_a_run_becomes_evidence_for_the_score(bench):
    bench.runner.reports = [linted(("F821", "shop/cart.py"))]
    done = await run(bench, "lint")
    lint = next(one for one in done.feedback.score.components if one.name == "lint")
    assert (lint.points, lint.figure) == (5.0, "findings in 1 of 2 source files")
    assert "memory lint run" in lint.source


async def test_a_run_that_crashed_is_no_evidence(bench):
    crashed = RunReport("", "", Command.LINT, Outcome.CRASH, 1.0, steps=[Step("ruff", Aspect.LINT, StepStatus.CRASHED)])
    bench.runner.reports = [crashed]
    assert (await run(bench, "lint")).feedback.score is None


async def test_a_large_change_of_the_score_is_remembered(bench):
    bench.runner.reports = [linted(("F821", "shop/cart.py"), ("F821", "shop/tax.py")), linted()]
    first = await run(bench, "lint")
    second = await run(bench, "lint")
    assert not first.feedback.reflection
    assert second.feedback.because.startswith("the score changed by +")
    found = await bench.client.call_tool("reflect_on_past", {"query": "quality run project stood"})
    assert second.feedback.reflection in str(found.structured_content)


async def test_an_error_and_its_fix_are_found(bench):
    bench.runner.reports = [report_of("t.py::two"), report_of(passing=("t.py::one", "t.py::two"))]
    await run(bench)
    bench.write("shop/cart.py", "TOTAL = 2\n")
    await run(bench)
    found = await bench.client.call_tool("search_errors", {"query": "assert 1 == 2", "error_type": "AssertionError"})
    hit = found.structured_content["hits"][0]
    assert "t.py::two" in hit["error"] + str(hit) and hit["fix"]["edits"][0]["file"] == "shop/cart.py"


async def test_a_command_that_rewrites_files_needs_a_grant(bench):
    with pytest.raises(Invalid, match="quality_fix"):
        await run(bench, "format")
    assert not bench.runner.requests
    project = await bench.app.projects.project_of(str(bench.folder))
    await bench.app.grants.trust(Operation.QUALITY_FIX, project, "me")
    assert (await run(bench, "format")).run.report.outcome is Outcome.CLEAN


async def test_what_the_runner_does_not_offer_is_refused_with_what_there_is(bench):
    with pytest.raises(Unsupported, match=r"memory cannot security here; it offers .*bandit is not there"):
        await run(bench, "security")
    with pytest.raises(Unsupported, match="memory takes no workers for test; it takes fail-fast, paths"):
        await run(bench, "test", "--workers 2")
    with pytest.raises(Unsupported, match=r"memory 1\.0 offers none"):
        await run(bench, ai_agent=True)
    assert not await all_runs(bench)


async def test_a_runner_without_tools_for_a_command_leaves_it_to_the_next(bench):
    second = MemoryQualityRunner("second")
    bench.runner.toolless = frozenset({Command.LINT})
    bench.runs._runners = [bench.runner, second]
    assert (await run(bench, "lint")).run.report.runner == "second"
    assert (await run(bench, "test")).run.report.runner == "memory"
    assert (await run(bench, "lint", runner="memory")).run.report.runner == "memory"


async def test_without_any_runner_the_answer_says_how_to_get_one(bench):
    bench.runner.absent = Unavailable("memory is not installed: install it.")
    with pytest.raises(Unavailable, match="install it"):
        await run(bench)


async def test_a_folder_that_is_no_project_is_refused(bench, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    bench.folder = bare
    with pytest.raises(Invalid, match="is no project"):
        await run(bench)


async def test_in_a_package_of_a_repository_its_own_folder_is_run(bench):
    bench.write("web/package/pyproject.toml", '[project]\nname = "web"\n')
    bench.write("web/package/src/a.py", "")
    bench.git("add", "-A")
    bench.git("commit", "-qm", "web")
    top, bench.folder = bench.folder, bench.folder / "web" / "package" / "src"
    bench.runner.reports = [linted()]
    done = await run(bench, "lint")
    assert bench.runner.requests[0].folder == top / "web" / "package"
    assert done.feedback.score is None, "a part of the project was taken for the whole"


async def test_two_runs_of_one_folder_do_not_get_into_each_others_way(bench):
    going, on = asyncio.Event(), asyncio.Event()

    async def waits(request):
        going.set()
        await on.wait()
        return report_of()

    bench.runner.reports = [waits]
    first = asyncio.create_task(run(bench))
    await going.wait()
    assert bench.runs.busy
    with pytest.raises(Unavailable, match="is going on since"):
        await run(bench)
    on.set()
    await first
    assert not bench.runs.busy
    await run(bench)


async def test_a_cancelled_run_is_kept_as_such(bench):
    going = asyncio.Event()

    async def hangs(request):
        going.set()
        await asyncio.sleep(600)

    bench.runner.reports = [hangs]
    task = asyncio.create_task(run(bench))
    await going.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [kept] = await all_runs(bench)
    assert kept.report.outcome is Outcome.CANCELLED and "during test" in kept.report.note
    assert (await bench.runs.history.output(kept.id)).text == "one line\n"
    await run(bench)


async def test_a_run_that_the_hub_did_not_outlive_is_told_as_lost(bench):
    done = await run(bench)
    later = bench.clock.now() + timedelta(seconds=1)
    begun = replace(done.run, id=bench.runs.history.id_of(done.run.project, later))
    await bench.runs.history.begin(begun)
    assert await all_runs(bench) == [done.run]
    bench.clock.advance(hours=LONGEST.total_seconds() / 3600 + 24)
    _, lost = await all_runs(bench)
    assert (lost.report.outcome, lost.report.note) == (Outcome.CRASH, LOST)


async def test_a_runner_that_breaks_leaves_a_crash(bench):
    bench.runner.reports = [RuntimeError("broken")]
    with pytest.raises(RuntimeError):
        await run(bench)
    [kept] = await all_runs(bench)
    assert kept.report.outcome is Outcome.CRASH
    await run(bench)


async def test_a_runner_that_refuses_leaves_nothing(bench):
    bench.runner.reports = [Unavailable("gone meanwhile")]
    with pytest.raises(Unavailable):
        await run(bench)
    bench.clock.advance(hours=30)
    assert await all_runs(bench) == []


async def test_the_time_it_will_take_is_predicted_from_the_runs_before(bench):
    bench.runner.reports = [report_of(seconds=seconds) for seconds in (10.0, 12.0, 11.0, 10.0, 12.0, 11.0, 50.0)]
    done = [await run(bench) for _ in range(7)]
    assert done[0].prediction is None and done[1].prediction.seconds == 10.0 and done[1].prediction.error is None
    assert done[6].prediction.seconds == 11.0 and done[6].prediction.error is not None and done[6].run.predicted == 11.0


async def test_a_run_that_is_over_is_kept_whoever_stops_waiting(bench, monkeypatch):
    bench.runner.reports = [report_of("t.py::two")]
    task = asyncio.create_task(run(bench))
    keeps = bench.runs.history.keep

    async def keep(kept, sizes):
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        return await keeps(kept, sizes)

    monkeypatch.setattr(bench.runs.history, "keep", keep)
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    [kept] = await all_runs(bench)
    assert kept.report.outcome is Outcome.FINDINGS and not bench.runs.busy
    assert "test t.py::two" in (await run(bench, "lint")).feedback.course.standing


async def test_what_was_edited_before_a_run_that_was_cancelled_is_not_forgotten(bench):
    async def cancelled(request):
        raise asyncio.CancelledError

    bench.runner.reports = [report_of("t.py::two"), cancelled, report_of(passing=("t.py::two",))]
    await run(bench)
    bench.write("shop/cart.py", "TOTAL = 2\n")
    with pytest.raises(asyncio.CancelledError):
        await run(bench)
    [mended] = (await run(bench)).feedback.course.mended
    assert mended.edited == ("shop/cart.py",)


async def test_a_run_whose_output_cannot_be_kept_is_not_forgotten(bench, monkeypatch):
    async def full(writer, text):
        raise Unavailable("The disk is full: make room.")

    monkeypatch.setattr("session_mgmt_mcp.domain.runs.outputs.OutputWriter.printed", full)
    with pytest.raises(Unavailable, match="disk is full"):
        await run(bench)
    [kept] = await all_runs(bench)
    assert kept.report.outcome is Outcome.CRASH


async def test_a_run_that_nothing_could_follow_from_is_told_all_the_same(bench, monkeypatch):
    async def broken(*_):
        raise Unavailable("The memory is not there: start it.")

    monkeypatch.setattr(bench.app.memory, "store_many", broken)
    bench.runner.reports = [report_of("t.py::two")]
    found = await bench.client.call_tool("crackerjack_run", {"command": "test"})
    assert found.structured_content["failed"][0]["id"] == "t.py::two"
    assert "The run is kept, but" in found.structured_content["summary"]
    assert "start it" in found.structured_content["summary"]


async def test_a_run_that_takes_its_project_away_is_kept(bench, monkeypatch):
    async def removes(request):
        async def gone(top):
            raise Unavailable("The folder is gone.")

        monkeypatch.setattr(bench.runs._trees, "look", gone)
        return report_of()

    bench.runner.reports = [removes]
    done = await run(bench)
    assert done.run.after is None and await all_runs(bench) == [done.run]


async def test_a_secret_in_a_line_longer_than_a_piece_is_not_kept(bench):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    line = f"{'x ' * ((PIECE - 20) // 2)}{secret} {'y ' * 10}\n"
    bench.runner.prints = [line[:PIECE], line[PIECE:]]
    done = await run(bench)
    text = (await bench.runs.history.output(done.run.id, 0, 10_000_000)).text
    assert text == line.replace(secret, "[redacted:github-token]")


async def test_output_that_hardly_packs_is_kept(bench):
    signs = random.Random(1).choices([chr(code) for code in range(0x10000, 0x2FA1D)], k=PIECE * 3)
    bench.runner.prints = [f"-----BEGIN {''.join(signs)}\n"]
    done = await run(bench)
    assert (await bench.runs.history.output(done.run.id, 0, 10_000_000)).text == bench.runner.prints[0]


async def test_many_failures_with_many_edits_are_kept_track_of(bench):
    files = [f"shop/a_package_with_a_long_name/and_another_one/module_{number:04}.py" for number in range(500)]
    edits = [f"shop/a_package_with_a_long_name/and_another_one/edited_{number:04}.py" for number in range(50)]
    bench.runner.reports = [linted(*(("F821", file) for file in files)) for _ in range(2)]
    await run(bench, "lint")
    for file in edits:
        bench.write(file, "A = 1\n")
    done = await run(bench, "lint")
    assert not done.feedback.fault and all(len(one.edited) == 50 for one in done.feedback.course.standing.values())


async def test_packages_of_one_project_are_told_apart(bench):
    for name in ("api", "web"):
        bench.write(f"{name}/pyproject.toml", f'[project]\nname = "{name}"\n')
        bench.write(f"{name}/src.py", "")
    bench.git("add", "-A")
    bench.git("commit", "-qm", "packages")
    top = bench.folder

    async def run_in(name, command="lint"):
        bench.folder = top / name
        return await run(bench, command)

    covered = replace(report_of("t.py::two"), lines_run=LinesRun(1, 2))
    bench.runner.reports = [linted(("F821", "src.py")), linted(), covered, report_of(passing=("t.py::two",))]
    assert (await run_in("api")).run.package == "api"
    assert not (await run_in("web")).feedback.course.mended
    assert (await run_in("api", "test")).feedback.score is None, "the coverage of a part was taken for the whole"
    assert not (await run_in("web", "test")).feedback.course.mended
    runs = await all_runs(bench)
    assert [one.package for one in runs] == ["api", "web"] * 2
    record = record_of(runs)
    assert list(record.tests) == ["api/t.py::two"] and not record.gone
    assert not [one for one in series(runs) if len(one.points) > 1]


async def test_a_run_does_not_wait_until_all_that_is_stored_was_read(bench, monkeypatch):
    for _ in range(4):
        await run(bench)
    read = 0

    def counting(document):
        nonlocal read
        read += 1
        return run_of(document)

    monkeypatch.setattr("session_mgmt_mcp.domain.runs.history.run_of", counting)
    monkeypatch.setattr("session_mgmt_mcp.domain.runs.service.MOST_ASKED", 2)
    assert (await run(bench)).prediction.runs == 2
    assert read == 3  # and the one before
