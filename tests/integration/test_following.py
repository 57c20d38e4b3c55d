"""Live capture, over the real store and real files."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.following import Follower, catch_up
from session_mgmt_mcp.settings import load


@pytest.fixture
async def app() -> AsyncIterator[Application]:
    async with open_application(load(embedder="memory")) as app:
        yield app


@pytest.fixture
def transcript() -> Path:
    file = load().transcripts_dir.expanduser() / "-shop" / "11111111-2222-3333-4444-555555555555.jsonl"
    file.parent.mkdir(parents=True)
    return file


def said(file: Path, number: int, text: str) -> None:
    line = {
        "type": "user", "uuid": f"u{number}", "sessionId": file.stem, "cwd": "/home/you/shop",
        "timestamp": f"2026-11-22T10:00:{number:02}.000Z", "message": {"role": "user", "content": text},
    }  # fmt: skip
    with file.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


async def texts(app: Application, query: str) -> list[str]:
    return [hit.record.text for hit in (await app.memory.search(query, Scope())).hits]


async def until(condition) -> None:
    for _ in range(200):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to be")


async def test_what_a_hook_points_at_is_found_soon_after_and_once(app, transcript):
    follower = Follower(app, settle_seconds=0.01)
    task = asyncio.create_task(follower.run())
    said(transcript, 1, "the proxy listens on port 8081")
    for _ in range(5):
        follower.on_event({"event": "PostToolUse", "transcript_path": str(transcript)})
    await until(lambda: texts(app, "proxy port"))
    said(transcript, 2, "the proxy moved to port 8082")
    follower.on_event({"event": "Stop", "transcript_path": str(transcript)})

    async def both() -> bool:
        return len(await texts(app, "proxy port")) == 2

    await until(both)
    task.cancel()


@pytest.mark.parametrize("event", [{}, {"transcript_path": None}, {"transcript_path": "relative.jsonl"}])
async def test_events_that_point_nowhere_are_passed_over(app, event):
    follower = Follower(app)
    follower.on_event(event)
    assert not follower.busy


async def test_a_transcript_that_is_gone_does_not_stop_the_follower(app, transcript):
    follower = Follower(app, settle_seconds=0.01)
    task = asyncio.create_task(follower.run())
    follower.on_event({"transcript_path": str(transcript)})
    await asyncio.sleep(0.1)
    said(transcript, 1, "the proxy listens on port 8081")
    follower.on_event({"transcript_path": str(transcript)})
    await until(lambda: texts(app, "proxy port"))
    task.cancel()


async def test_a_fault_in_reading_one_does_not_stop_the_follower(app, transcript, monkeypatch):
    async def broken(folder):
        raise RuntimeError("a fault of ours")

    follower = Follower(app, settle_seconds=0.01)
    task = asyncio.create_task(follower.run())
    said(transcript, 1, "the proxy listens on port 8081")
    with monkeypatch.context() as patched:
        patched.setattr(app.projects, "learn", broken)
        follower.on_event({"event": "SessionStart", "cwd": "/home/you", "transcript_path": str(transcript)})
        await asyncio.sleep(0.1)
    follower.on_event({"event": "Stop", "transcript_path": str(transcript)})
    await until(lambda: texts(app, "proxy port"))
    task.cancel()


async def test_a_subagents_own_transcript_is_followed(app, transcript):
    follower = Follower(app, settle_seconds=0.01)
    task = asyncio.create_task(follower.run())
    said(transcript, 1, "the proxy listens on port 8081")
    follower.on_event({"event": "SubagentStop", "agent_transcript_path": str(transcript)})
    await until(lambda: texts(app, "proxy port"))
    task.cancel()


async def test_catching_up_waits_for_a_first_import_and_then_takes_what_is_new(app, transcript):
    said(transcript, 1, "the proxy listens on port 8081")
    await catch_up(app)
    assert not await texts(app, "proxy port")
    await app.capture.import_paths([transcript.parent], lambda _: None)
    said(transcript, 2, "the proxy moved to port 8082")
    await catch_up(app)
    assert len(await texts(app, "proxy port")) == 2


async def test_an_import_gives_way_to_what_is_asked_of_the_same_memory(app):
    assert app.capture._courtesy is app.memory._courtesy
