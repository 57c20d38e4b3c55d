"""What was done in a session, read off its actions."""

from session_mgmt_mcp.domain.session_work import actions, commands_of, errors_of, files_of, worked_on
from session_mgmt_mcp.ports.git_repository import DiffStat


def test_a_command_is_told_once_with_how_its_last_run_ended(told):
    told.bash("pytest  -q", error="1 failed")
    told.bash("ls")
    last = told.bash("pytest -q")
    ran = commands_of(actions(told.records))
    assert [(one.command, one.ending, one.times, one.failures, one.checks) for one in ran] == [
        ("pytest -q", "passed", 2, 1, True),
        ("ls", "passed", 1, 0, False),
    ]
    assert (ran[0].ref, ran[0].time) == (last.id, last.time)


def test_a_failure_behind_a_pipe_is_one_and_what_was_stopped_or_not_seen_to_end_is_said_so(told):
    told.call("Bash", "Bash: make test | tail", True, "FAILED a", command="make test | tail")
    told.bash("npm run dev", ok=None)
    told.call(
        "Bash", "Bash: rm x", False, "The user doesn't want", command="rm x", facts=("tool:Bash", "outcome:stopped")
    )
    ended = {one.command: one.ending for one in commands_of(actions(told.records))}
    assert ended == {"make test | tail": "failed", "npm run dev": "unseen", "rm x": "stopped"}


def test_files_are_told_by_git_and_by_the_edits_that_went_well(told):
    told.edit("/shop/cart.py")
    last = told.edit("/shop/cart.py")
    told.edit("/shop/broken.py", error="String to replace not found in file.")
    told.edit("/elsewhere/notes.md")
    diff = DiffStat({"cart.py": (10, 2), "lock.txt": (300, 0)}, 310, 2)
    found = files_of(actions(told.records), diff, "/shop")
    assert [(one.path, one.added, one.deleted, one.edits, one.ref) for one in found] == [
        ("lock.txt", 300, 0, 0, ""),
        ("cart.py", 10, 2, 2, last.id),
        ("/elsewhere/notes.md", None, None, 1, "m3"),
    ]


def test_an_error_ends_with_the_step_after_which_it_was_gone(told):
    told.bash("pytest -q", error="E  KeyError: 'total'", facts=("outcome:failed", "error:KeyError"))
    told.edit("/shop/cart.py")
    told.bash("pytest -q", error="E  KeyError: 'sum'", facts=("outcome:failed", "error:KeyError"))
    told.edit("/shop/sums.py")
    fixed = told.bash("pytest -q")
    (one,) = errors_of(actions(told.records))
    assert (one.what, list(one.types), one.attempts) == ("pytest -q", ["KeyError"], 1)
    assert (one.fixed_by, one.fixed_ref, list(one.edits)) == ("pytest -q", fixed.id, ["cart.py", "sums.py"])
    assert one.ref == "m0" and "KeyError: 'total'" in one.printed


def test_what_failed_again_after_its_fix_is_another_error(told):
    told.bash("pytest -q", error="1 failed")
    told.bash("pytest -q")
    told.bash("pytest -q", error="1 failed")
    found = errors_of(actions(told.records))
    assert [(one.ref, one.fixed_ref) for one in found] == [("m2", ""), ("m0", "m1")]


def test_what_was_not_mended_comes_first_and_commands_before_edits(told):
    told.edit("/shop/cart.py", error="String to replace not found in file.")
    told.bash("make lint", error="E501")
    told.bash("make test", error="1 failed")
    told.bash("make lint")
    assert [one.what for one in errors_of(actions(told.records))] == ["make test", "Edit: /shop/cart.py", "make lint"]


def test_a_fix_in_another_thread_is_none(told):
    told.bash("pytest -q", error="1 failed")
    told.bash("pytest -q", agent="reviewer")
    assert [one.fixed_ref for one in errors_of(actions(told.records))] == [""]


def test_files_in_work_are_those_edited_then_those_read_the_latest_first(told):
    told.call("Read", "Read: /shop/a.py", files=["/shop/a.py"])
    told.edit("/shop/b.py")
    told.call("Grep", "Grep: x, /shop", files=["/shop"])
    told.call("Read", "Read: /shop/c.py", files=["/shop/c.py"])
    told.edit("/shop/d.py")
    assert worked_on(actions(told.records), "/shop", 3) == ["d.py", "b.py", "c.py"]
