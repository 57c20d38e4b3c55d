"""The launcher that the client runs at its events: never in the way, and nothing is lost."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from session_mgmt_mcp import control, hook, places, spool

PAYLOAD = {
    "session_id": "s1",
    "transcript_path": "/home/u/.claude/projects/p/s1.jsonl",
    "cwd": "/p",
    "hook_event_name": "PostToolUse",
    "tool_use_id": "t1",
    "prompt": "the secret is hunter2",
    "tool_input": {"command": "echo hunter2"},
    "tool_response": {"stdout": "hunter2"},
    "last_assistant_message": "hunter2",
}


def fire(event="PostToolUse", payload=PAYLOAD, **env):
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return subprocess.run(
        [sys.executable, "-m", "session_mgmt_mcp.server", "hook", *([event] if event else [])],
        check=False,
        input=text,
        capture_output=True,
        env={**os.environ, **env},
        timeout=30,
    )


def spooled():
    return [json.loads(file.read_text()) for file in sorted(Path(places.spool(places.data_dir())).glob("*.json"))]


def silent(done):
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_a_hub_the_event_waits_in_the_spool_and_starts_none(world):
    assert silent(fire())
    [event] = spooled()
    assert (event["event"], event["session_id"], event["tool_use_id"]) == ("PostToolUse", "s1", "t1")
    assert world.hubs() == []


@pytest.mark.parametrize("shell", [[], ["sh", "-c", '"$@"; true', "sh"]], ids=["directly", "through a shell"])
def test_a_session_that_begins_says_whose_it_is(world, shell):
    command = [*shell, sys.executable, "-m", "session_mgmt_mcp.server", "hook", "SessionStart"]
    subprocess.run(
        command, check=True, input=json.dumps(PAYLOAD).encode(), env={**os.environ, "SESSION_MGMT_BRIEFING": "0"}
    )
    assert spooled()[0]["client_pid"] == os.getpid()


def test_prompts_and_tool_output_are_never_kept(world):
    fire()
    assert "hunter2" not in json.dumps(spooled())


def test_with_a_hub_the_event_arrives_once(world):
    world.client().request("tools/list")  # a hub that is still warming up may be too slow for a hook
    assert silent(fire())
    world.until(lambda: spooled() == [])
    [event] = control.call("events", spawn=False)["events"]
    assert event["transcript_path"] == PAYLOAD["transcript_path"]


def test_an_event_that_came_both_ways_counts_once(world):
    world.client()
    fire()
    [event] = control.call("events", spawn=False)["events"] or spooled()
    spool.leave(str(world.data), event)
    spool.leave(str(world.data), event)
    world.until(lambda: spooled() == [], seconds=20)
    assert len(control.call("events", spawn=False)["events"]) == 1


def test_a_hub_takes_in_what_waited_in_the_spool(world):
    fire("SessionEnd")
    fire("Stop")
    world.client()
    world.until(lambda: spooled() == [], seconds=20)
    events = control.call("events", spawn=False)["events"]
    assert [event["event"] for event in events] == ["SessionEnd", "Stop"]


def test_a_spool_that_could_not_be_read_for_a_while_is_taken_in_later(world):
    folder = Path(places.spool(str(world.data)))
    folder.parent.mkdir(parents=True)
    folder.touch()
    world.client()  # the hub has looked once
    folder.unlink()
    spool.leave(str(world.data), {"event": "Stop", "session_id": "s"})
    world.until(lambda: spooled() == [], seconds=20)


def test_what_waited_is_not_asked_any_more(world):
    """Nobody is there to hand over what the hub would say, so it must not count as being told."""
    fire("UserPromptSubmit")
    world.client()
    world.until(lambda: spooled() == [], seconds=20)
    [event] = control.call("events", spawn=False)["events"]
    assert event["asks"] is False


def test_reaching_the_hub_and_its_answer_share_one_wait(world, monkeypatch):
    """The client ends a hook that takes longer, and the event with it."""
    monkeypatch.setitem(hook.ASKING, "SessionStart", 3.0)
    path = Path(places.hub_socket(places.data_dir()))
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as slow:
        slow.bind(str(path))
        slow.listen(1)

        def greet_late():
            connected, _ = slow.accept()
            time.sleep(2)
            connected.sendall(b'{"hello":1}\n')
            time.sleep(4)
            connected.close()

        greeting = threading.Thread(target=greet_late)
        greeting.start()
        began = time.monotonic()
        assert hook._deliver(places.data_dir(), {"event": "SessionStart", "asks": True}) is False
        assert time.monotonic() - began < 4.5
        greeting.join()


def test_a_hub_that_does_not_answer_leaves_it_to_the_spool(world):
    path = Path(places.hub_socket(places.data_dir()))
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen(1)
        began = time.monotonic()
        assert silent(fire())
        assert time.monotonic() - began < 10
    assert len(spooled()) == 1


@pytest.mark.parametrize(
    "payload",
    [b"", b"not json", b"\xff\xfe", b"[1,2]", b'{"session_id": 5, "cwd": {"a": 1}}', b"[" * 100_000, b"x" * 17_000_000],
)
def test_whatever_arrives_on_stdin_it_is_silent_and_succeeds(world, payload):
    assert silent(fire(payload=payload))


def test_without_an_event_and_without_a_directory_it_is_silent_too(world, tmp_path):
    (tmp_path / "file").touch()
    assert silent(fire(event=""))
    assert silent(fire(SESSION_MGMT_DATA_DIR=str(tmp_path / "file" / "x")))


@pytest.fixture
def context(world):
    """A hub that has something to say to whoever asks."""
    world.client().request("tools/list")
    world.data.joinpath("context").write_text('Last time: "the lock" \u2014 fixed.')
    return world.data


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit"])
def test_what_the_hub_has_to_say_is_handed_to_the_client(world, context, event):
    done = fire(event)
    said = {"hookEventName": event, "additionalContext": 'Last time: "the lock" \u2014 fixed.'}
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"hookSpecificOutput": said}, b"")
    world.until((context / "handed").exists)
    assert spooled() == []


def test_a_compaction_gets_it_as_plain_text(world, context):
    assert fire("PreCompact").stdout.decode() == 'Last time: "the lock" \u2014 fixed.\n'


def test_events_that_do_not_ask_are_told_nothing(world, context):
    assert silent(fire("PostToolUse"))
    assert silent(fire("Stop"))
    assert not (context / "handed").exists()


def test_the_report_of_a_background_task_is_no_prompt(world, context):
    assert silent(fire("UserPromptSubmit", {**PAYLOAD, "prompt": "<task-notification> done"}))


def test_a_hub_that_takes_long_does_not_keep_the_prompt_waiting(world, context):
    (context / "delay").write_text("20")
    began = time.monotonic()
    assert silent(fire("UserPromptSubmit"))
    assert time.monotonic() - began < 10
    assert len(spooled()) <= 1
    assert not (context / "handed").exists(), "what was not handed over must not count as told"


def test_it_starts_none_where_nothing_is_to_be_said(world):
    assert silent(fire("SessionStart", SESSION_MGMT_BRIEFING="0"))
    assert world.hubs() == []
    assert len(spooled()) == 1


def test_our_own_subprocesses_are_not_listened_to(world):
    assert silent(fire(SESSION_MGMT_GUARD="1"))
    assert not Path(places.spool(places.data_dir())).exists()


def test_nothing_but_the_standard_library_is_imported(world):
    code = (
        "import sys; from session_mgmt_mcp.server import main; main(['hook', 'Stop']);"
        "print(sorted({m.partition('.')[0] for m in sys.modules} - sys.stdlib_module_names - {'__main__'}))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, input="{}", capture_output=True, text=True).stdout
    assert "fastmcp" not in said
    assert "pydantic" not in said


def test_half_an_event_of_a_killed_hook_goes_after_a_while(tmp_path):
    folder = Path(places.spool(str(tmp_path)))
    folder.mkdir()
    for name, age in (("old", 120), ("young", 0)):
        (folder / f".{name}.tmp").write_text("{")
        os.utime(folder / f".{name}.tmp", (time.time() - age,) * 2)
    assert spool.drain(str(tmp_path), lambda event: None) == (0, 0)
    assert [one.name for one in folder.iterdir()] == [".young.tmp"]
