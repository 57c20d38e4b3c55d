"""Monitoring in a real hub: it keeps the hub up, survives its death, hears the hooks, and ends when it is stopped."""

import json
import subprocess
import sys
import time

SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")


def connect(world, desk, **more):
    where = {"CLAUDE_PROJECT_DIR": str(desk.root), "CLAUDE_CODE_SESSION_ID": desk.session}
    return world.client(command=SHIM, SESSION_MGMT_IDLE_EXIT="1", SESSION_MGMT_EMBEDDER="memory", **where, **more)


def hook(desk, event: str) -> None:
    said = {"session_id": desk.session, "transcript_path": str(desk.transcript), "cwd": str(desk.root)}
    subprocess.run([*SHIM, "hook", event], input=json.dumps(said), text=True, check=True, timeout=30)


def watched(client, count: int, seconds: float = 30.0) -> list[str]:
    until = time.monotonic() + seconds
    while (reply := client.call("get_active_files"))["total"] < count and time.monotonic() < until:
        time.sleep(0.2)
    return [file["path"] for file in reply["files"]]


def test_monitoring_outlives_clients_and_hubs_and_ends_when_it_is_stopped(world, desk):
    first = connect(world, desk)
    first.call("start_interruption_monitoring")
    first.call("start_app_monitoring")
    hub = world.hub()
    first.leave()
    time.sleep(4.0)
    assert world.hubs() == [hub], "it stays up without a client"
    world.kill_hub()
    second = connect(world, desk)
    state = second.call("get_interruption_history")["monitors"][0]
    assert (state["state"], state["folder"]) == ("on", str(desk.root))
    until = time.monotonic() + 30
    while not watched(second, 1, 2.0) and time.monotonic() < until:
        desk.write("cart.py", f"# {time.monotonic()}\n")
    assert watched(second, 1) == ["cart.py"]

    desk.git("stash", "-q")
    desk.write("price.py", "# cheaper\n")
    hook(desk, "UserPromptSubmit")
    found, branches = [], 0
    until = time.monotonic() + 60
    while not found and time.monotonic() < until:
        time.sleep(4.0)  # a checkout is told from what the monitor saw before
        desk.git("switch", "-q", "-c", f"other-{(branches := branches + 1)}")
        found = second.call("get_interruption_history")["interruptions"]
    assert {line["reason"] for line in found} == {"branch_switch"} and found[-1]["branch"] == "main"

    second.call("stop_interruption_monitoring")
    second.call("stop_app_monitoring")
    second.leave()
    until = time.monotonic() + 60
    while world.hubs() and time.monotonic() < until:
        time.sleep(0.2)
    assert world.hubs() == [], "nothing keeps it up any more"
