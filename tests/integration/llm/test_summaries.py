"""Summaries of sessions by a real engine, and what is left of one when the hub is killed while it is written."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from session_mgmt_mcp import paths
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.domain.llm import ledger, polish_document

pytest.importorskip("openai")
pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"
SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")
SESSION = "11111111-2222-4333-8444-555555555555"
BEGAN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TOKEN = "ghp_" + "A1b2C3d4" * 4 + "Zz9y"


@pytest.fixture
def transcript(tmp_path, shop):
    """Of a session in a repository, which said a secret."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(shop)], check=True)
    said = [("user", f"Lock the till, the token is {TOKEN}."), ("assistant", "We decided to use a file lock.")]
    lines = [
        {
            "type": role,
            "uuid": f"00000000-0000-4000-8000-00000000000{number}",
            "timestamp": (BEGAN + timedelta(seconds=number)).isoformat(),
            "cwd": str(shop),
            "sessionId": SESSION,
            "message": {"role": role, "content": text},
        }
        for number, (role, text) in enumerate(said)
    ]
    folder = tmp_path / "home" / ".claude" / "projects" / "-shop"
    folder.mkdir(parents=True)
    file = folder / f"{SESSION}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


async def test_a_real_engine_writes_one_and_what_it_wrote_names_no_evidence(
    product_in, shop, transcript, llama, monkeypatch
):
    """The tiny model knows no words: not one of its sentences names what it rests on, and that is said."""
    from session_mgmt_mcp.domain.sessions import Opening

    monkeypatch.setenv("SESSION_MGMT_OPENAI_BASE_URL", f"{llama.url}/v1")
    monkeypatch.setenv("SESSION_MGMT_OPENAI_API_KEY", llama.key)
    settings = {"llm_providers": "openai", "openai_model": llama.model}
    async with product_in(shop, SESSION, **settings) as (app, client):
        await app.sessions.open(Opening(SESSION, str(shop), "startup", str(transcript)))
        told = (await client.call_tool("end", {"polish": True})).structured_content
        kept = await app.handoffs.summary(SESSION)
        spent = (await app.llm.spent()).spent
        page = app.handoffs.file_of(await app.handoffs.of(SESSION)).read_text()
    written = kept.polished
    print(written, told["summary"])
    assert written.unsupported == len(written.sentences) > 0 and written.evidence == ()
    assert f"## Summary by {llama.model} (openai), not checked\n" in page and "(names no evidence)" in page
    assert "name no evidence" in told["summary"] or "names no evidence" in told["summary"]
    assert [(one.provider, one.calls, one.held_calls) for one in spent] == [("openai", 1, 0)]
    assert spent[0].cost == 0, "it runs on this machine"


class Stalling:
    """Begins an answer, and never ends it; counts who asks, and keeps what they sent."""

    def __init__(self) -> None:
        self.asked = asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b": still here\n\n")
                        self.wfile.flush()
                        time.sleep(0.2)
                except OSError:
                    pass

            def log_message(self, *_) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def stalling():
    made = Stalling()
    yield made
    made.server.shutdown()
    made.server.server_close()


def fire(event, transcript, shop, **more):
    payload = {"session_id": SESSION, "transcript_path": str(transcript), "cwd": str(shop), "hook_event_name": event}
    command = [*SHIM, "hook", event]
    subprocess.run(command, input=json.dumps(payload | more).encode(), capture_output=True, check=True, timeout=60)


def documents(collection):
    async def read():
        storage = LocalSessionStorage(paths.documents(paths.data_dir()))
        try:
            return [one.body for one in (await storage.list(collection)).documents]
        finally:
            await storage.close()

    return asyncio.run(read())


def test_a_hub_that_is_killed_while_one_is_written_asks_for_none_twice(world, shop, transcript, stalling, monkeypatch):
    settings = {"EMBEDDER": "memory", "LLM_POLISH": "1", "LLM_PROVIDERS": "openai", "OPENAI_MODEL": "some-model"}
    for name, value in {**settings, "OPENAI_BASE_URL": stalling.url, "LLM_DAY_TOKENS": "100000"}.items():
        monkeypatch.setenv(f"SESSION_MGMT_{name}", value)

    def lives_and_ends():
        fire("SessionStart", transcript, shop, source="startup")
        began = time.monotonic()
        fire("SessionEnd", transcript, shop, reason="prompt_input_exit")
        assert time.monotonic() - began < 5, "the hook does not wait"
        world.until(lambda: [one["state"] for one in documents("sessions")] == ["closed"])

    lives_and_ends()
    world.until(lambda: len(stalling.asked) == 1)
    assert documents("handoffs") and [one["state"] for one in documents(polish_document.COLLECTION)] == ["begun"]
    assert TOKEN.encode() not in stalling.asked[0] and b"[redacted:github-token]" in stalling.asked[0]
    world.kill_hub()
    lives_and_ends()
    time.sleep(1)
    assert len(stalling.asked) == 1, "it may have been charged for"
    [day] = documents(ledger.COLLECTION)
    assert [one["held_calls"] for one in day["spent"]] == [1]


def test_a_hub_that_is_told_to_leave_waits_no_longer_than_is_said(world, shop, transcript, stalling, monkeypatch):
    settings = {"EMBEDDER": "memory", "LLM_POLISH": "1", "LLM_PROVIDERS": "openai", "OPENAI_MODEL": "some-model"}
    for name, value in {**settings, "OPENAI_BASE_URL": stalling.url}.items():
        monkeypatch.setenv(f"SESSION_MGMT_{name}", value)
    fire("SessionStart", transcript, shop, source="startup")
    fire("SessionEnd", transcript, shop, reason="prompt_input_exit")
    world.until(lambda: len(stalling.asked) == 1)
    began = time.monotonic()
    subprocess.run([PROGRAM, "hub", "stop"], capture_output=True, check=True)
    world.until(lambda: not world.hubs())
    assert time.monotonic() - began < 8
    [kept] = documents(polish_document.COLLECTION)
    assert (kept["state"], kept["why"]) == ("failed", "it was stopped.")
