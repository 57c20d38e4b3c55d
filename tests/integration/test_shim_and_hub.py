"""A shim between a client and a hub that comes and goes. Everything here is a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("modern", [False, True])
def test_either_handshake_is_answered_and_calls_work(served, modern):
    client = served.client(modern=modern)
    assert {tool["name"] for tool in client.request("tools/list")["tools"]} >= {"store", "search", "slow"}
    assert client.call("store", content="one")["stored"] == "one"
    assert client.call("search", query="on")["hits"] == ["one"]


def test_two_clients_share_one_hub(served):
    first, second = served.client(), served.client(modern=True)
    assert first.call("ping")["pid"] == second.call("ping")["pid"] == served.hub()
    assert len(served.hubs()) == 1


def test_eight_shims_that_start_at_once_elect_one_hub(world):
    clients = [world.client(greeted=False) for _ in range(8)]
    for client in clients:
        client.shake_hands()
    assert len({client.call("ping")["pid"] for client in clients}) == 1
    assert len(world.hubs()) == 1


def test_a_tool_knows_whose_call_it_serves(served, tmp_path):
    one = served.client(CLAUDE_PROJECT_DIR="/some/project", CLAUDE_CODE_SESSION_ID="abc")
    other = served.client(CLAUDE_PROJECT_DIR="/other/project")
    assert one.call("whoami")["project"] == "/some/project"
    assert other.call("whoami")["project"] == "/other/project"
    assert one.call("whoami") == {
        "cwd": str(Path.cwd()),
        "project": "/some/project",
        "session": "abc",
        "pid": os.getpid(),
    }


def test_keys_of_the_client_never_reach_the_hub(world):
    client = world.client(ANTHROPIC_API_KEY="x", AWS_SECRET="y", LC_TIME="C", GITHUB_TOKEN="z")
    told = client.call("environment")
    assert {"PATH", "HOME", "LC_TIME", "SESSION_MGMT_DATA_DIR"} <= set(told["names"])
    assert not {"ANTHROPIC_API_KEY", "AWS_SECRET", "GITHUB_TOKEN", "CLAUDE_PROJECT_DIR"} & set(told["names"])
    assert told["cwd"] == "/"


@pytest.mark.parametrize("modern", [False, True])
def test_a_killed_hub_is_replaced_unnoticed(world, modern):
    client = world.client(modern=modern)
    client.call("store", content="before")
    first = world.kill_hub()
    assert client.call("search", query="before")["hits"] == ["before"]
    assert client.call("ping")["pid"] != first
    assert client.others.empty(), "the replayed handshake must not show"


def test_a_repeatable_call_in_flight_is_sent_again(world):
    client = world.client()
    hub = world.hub()
    os.kill(hub, signal.SIGSTOP)  # the call is taken by the kernel, and by nobody else
    asked = client.start_call("store", content="kept")
    listing = client.send("tools/list")
    time.sleep(0.2)
    os.kill(hub, signal.SIGKILL)
    assert client.answer(asked)["result"]["structuredContent"] == {"stored": "kept"}
    assert client.answer(listing)["result"]["tools"]


def test_another_call_in_flight_fails_with_one_sentence_that_allows_a_retry(world):
    client = world.client()
    asked = client.start_call("slow", seconds=30, note="once")
    world.until((world.data / "slow").exists)
    world.kill_hub()
    error = client.answer(asked)["error"]
    assert error["data"] == {"retryable": True}
    assert error["message"].endswith("call again.")
    assert client.call("ping")
    assert (world.data / "slow").read_text() == "once\n", "it must not run twice"


def test_a_cancelled_call_is_neither_repeated_nor_answered(world):
    client = world.client()
    asked = client.start_call("slow", seconds=30, note="once")
    world.until((world.data / "slow").exists)
    client.send("notifications/cancelled", {"requestId": asked}, notification=True)
    client.call("ping")
    world.kill_hub()
    client.call("ping")
    with pytest.raises(AssertionError, match="no answer"):
        client.answer(asked, seconds=0.3)


def test_an_idle_shim_starts_no_hub(world):
    client = world.client()
    world.kill_hub()
    time.sleep(0.5)
    assert world.hubs() == []
    assert client.call("ping")


def test_a_message_of_ten_megabytes_arrives(served):
    client = served.client()
    text = "x" * 10_000_000
    assert client.call("store", content=text)["stored"] == text


def test_a_message_beyond_the_limit_is_refused_and_the_connection_lives_on(served):
    client = served.client()
    huge = {"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {"x": "y" * (33 << 20)}}
    client.write(json.dumps(huge).encode() + b"\n")
    assert "longer than 32 MB" in client.answer(77)["error"]["message"]
    huge = {"method": "tools/call", "params": {"x": "y" * (33 << 20)}, "jsonrpc": "2.0", "id": "a"}
    client.write(json.dumps(huge).encode() + b"\n")
    assert "longer than 32 MB" in client.answer("a")["error"]["message"]
    assert client.call("ping")


def test_a_line_that_arrives_in_pieces_is_one_line(served):
    client = served.client()
    line = json.dumps({"jsonrpc": "2.0", "id": "p", "method": "ping"}).encode() + b"\n"
    for start in range(0, len(line), 7):
        client.write(line[start : start + 7])
        time.sleep(0.01)
    assert "result" in client.answer("p")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{not json\n", -32700),
        (b"\xff\xfe\x00\n", -32700),
        (b"[" * 5000 + b"\n", -32700),
        (b'{"id":null}\n', -32600),
        (b"[]\n", -32600),
    ],
)
def test_a_malformed_line_gets_an_error_and_the_connection_lives_on(served, line, code):
    client = served.client()
    client.write(line)
    assert client.others.get(timeout=30)["error"]["code"] == code
    assert client.call("ping")


def test_a_message_that_is_no_json_rpc_is_answered_to_its_sender(served):
    client = served.client()
    client.write(b'{"id": 900, "method": "ping"}\n')
    assert client.answer(900)["error"]["code"] == -32600


@pytest.mark.parametrize("how", ["eof", signal.SIGINT, signal.SIGTERM])
def test_the_shim_leaves_at_once_and_silently(served, how):
    client = served.client()
    assert client.leave(how) == (0, "")


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.06, 0.1])
def test_a_client_that_changes_its_mind_at_the_start_sees_no_traceback_of_ours(world, delay):
    client = world.client(command=[sys.executable, "-m", "session_mgmt_mcp.server"], greeted=False)
    time.sleep(delay)
    client.process.send_signal(signal.SIGINT)
    client.process.wait(30)
    assert "session_mgmt_mcp" not in client.process.stderr.read().decode()


def test_requests_from_a_pipe_are_answered_after_its_end(served):
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "ping", "arguments": {}}},
    ]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    shim = [sys.executable, str(__file__).replace("test_shim_and_hub.py", "tiny_shim.py")]
    done = subprocess.run(shim, check=True, input=text, capture_output=True, text=True, timeout=60)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 2]
    assert done.stderr == ""


def test_a_client_killed_in_a_call_leaves_the_hub_alone(served):
    client, other = served.client(), served.client()
    client.start_call("slow", seconds=60, note="x")
    served.until((served.data / "slow").exists)
    client.process.kill()
    assert other.call("ping")["pid"] == served.hub()


def test_no_zombie_and_no_second_hub_after_many_deaths(world):
    client = world.client()
    for _ in range(3):
        world.kill_hub()
        client.call("ping")
    children = subprocess.run(
        ["ps", "--ppid", str(client.process.pid), "-o", "pid="], check=False, capture_output=True, text=True
    )
    assert children.stdout.strip() == ""
    assert len(world.hubs()) == 1
