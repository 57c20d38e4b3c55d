"""Off means off: whatever keys there are, no language model is asked that nobody asked for."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from session_mgmt_mcp.llm.vendors import TERMS, Vendor

HERE = Path(__file__).resolve().parent
SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")
PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"
KEY = "sk-correct-horse-battery-staple-0123456789"
CLAIM = "by default none is, whatever keys lie in your environment"
ASKED_FOR = {"test_llm_providers", "generate_with_llm", "chat_with_llm", "configure_llm_provider"}


class StandIn:
    """Stands in for every vendor; counts who comes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.came = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self):
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            self.came += 1
            caller.close()


@pytest.fixture
def stand_in():
    server = StandIn()
    yield server
    server.listener.close()


@pytest.fixture
def keys(monkeypatch):
    """Of all vendors, in the environment, under every name."""
    for vendor in Vendor:
        for variable in (*TERMS[vendor].variables, f"SESSION_MGMT_{vendor.upper()}_API_KEY"):
            monkeypatch.setenv(variable, KEY)
        monkeypatch.setenv(f"SESSION_MGMT_{vendor.upper()}_MODEL", "some-model")


@pytest.fixture
def addresses(monkeypatch, stand_in):
    for vendor in Vendor:
        monkeypatch.setenv(f"SESSION_MGMT_{vendor.upper()}_BASE_URL", stand_in.url)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def day(project, *how):
    command = [sys.executable, HERE / "a_day.py", project, *how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_day_reaches_nobody_and_imports_no_sdk(project, keys):
    assert CLAIM in " ".join((HERE.parents[2] / "README.md").read_text().split())
    told = day(project)
    assert {"start", "checkpoint", "end", "status", "reflect_on_past", "list_llm_providers"} <= set(told["called"])
    assert (told["reached"], told["imported"]) == ([], [])


@pytest.mark.slow
def test_without_the_sdks_all_else_works_and_who_is_asked_names_the_extra(project, keys):
    told = day(project, "bare")
    assert {"start", "end", "list_llm_providers"} <= set(told["called"])
    assert (told["reached"], told["imported"]) == ([], [])
    for vendor in Vendor:
        failed, text = told["asked"][vendor]
        assert failed and f"pip install 'session-mgmt-mcp[{vendor}]'" in text and "\n" not in text, text


@pytest.mark.slow
def test_nor_does_it_where_the_vendors_are_on_this_machine(project, keys, addresses, stand_in):
    told = day(project)
    assert (told["reached"], told["imported"], stand_in.came) == ([], [], 0)


@pytest.mark.slow
def test_a_hub_asks_none_from_its_start_to_its_end(world, project, keys, addresses, stand_in, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(project))
    client = world.client(command=SHIM)
    for name in ("start", "checkpoint", "list_llm_providers", "status", "health_check", "end"):
        client.call(name)
    for words in (["doctor"], ["call", "list_llm_providers"], ["hub", "status"], ["hub", "stop"]):
        done = subprocess.run([PROGRAM, *words, "--json"], capture_output=True, text=True, timeout=100, check=False)
        assert "Traceback" not in done.stderr and KEY not in done.stdout + done.stderr
    world.until(lambda: not world.hubs())
    assert stand_in.came == 0


@pytest.mark.slow
def test_the_stand_in_would_be_asked_where_somebody_asks(product_in, shop, keys, addresses, stand_in):
    """The proof above can fail."""
    import asyncio

    async def ask():
        async with product_in(shop) as (_, client):
            return (await client.call_tool("test_llm_providers", {"provider": "openai"})).structured_content

    assert not asyncio.run(ask())["providers"][0]["ok"]
    assert stand_in.came > 0


async def test_only_what_is_told_here_may_ask(product_in, shop):
    async with product_in(shop) as (_, client):
        elsewhere = {tool.name for tool in await client.list_tools() if tool.annotations.open_world_hint}
    assert elsewhere - {"end"} == ASKED_FOR  # end(polish=true), or the setting llm_polish
