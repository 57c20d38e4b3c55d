"""The launcher that the client runs at its events: never in the way, and nothing is lost."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from session_mgmt_mcp import control, places, spool

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
    fire("SessionStart")
    fire("Stop")
    world.client()
    world.until(lambda: spooled() == [], seconds=20)
    events = control.call("events", spawn=False)["events"]
    assert [event["event"] for event in events] == ["SessionStart", "Stop"]


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
