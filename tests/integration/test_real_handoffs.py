"""Handoffs, lessons and what survives a compaction, of real sessions: counted here a second time, from the raw JSON."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp import connection
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts
from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.handoff_document import body_of
from session_mgmt_mcp.domain.handoff_page import page
from session_mgmt_mcp.domain.learning import MOST
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

pytestmark = pytest.mark.shared
PROJECT = "cli-1a2b3c"
EDITORS = {"Edit", "MultiEdit", "Write", "NotebookEdit"}
OWN_COMMAND = r"(?s)<command-message>.*<command-name>(.+?)</command-name>.*<command-args>(.+)</command-args>"
NOT_TYPED = ("<command-", "<local-command-", "<task-notification>", "[Request interrupted", "Operation stopped by hook")


@dataclass
class Raw:
    """What the lines of a session, and those of its subagents, say."""

    prompts: dict[str, None] = field(default_factory=dict)
    commands: Counter = field(default_factory=Counter)
    edits: Counter = field(default_factory=Counter)  # by file, those that went well
    failed: set = field(default_factory=set)  # commands with an error
    started: str = ""
    last: str = ""


@pytest.fixture
def real(shared: Path) -> list[Path]:
    folder = shared / "claude-code"
    return [*folder.glob("real-projects/*/*.jsonl"), *folder.glob("transcripts/*/*.jsonl")]


@pytest.fixture
async def app():
    async with open_application(load(embedder="memory")) as app:
        yield app


def flat(text: str) -> str:
    return " ".join(text.split())


def raw_of(path: Path) -> Raw:
    raw = Raw()
    for file in (path, *path.with_suffix("").rglob("*.jsonl")):
        calls = {}
        for text in file.read_text().splitlines():
            line = json.loads(text)
            if line["type"] not in ("user", "assistant"):
                continue
            content = line["message"]["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for block in blocks:
                if block["type"] == "tool_use":
                    calls[block["id"]] = block["input"] | {"tool": block["name"]}
                    if command := flat(block["input"].get("command", "")):
                        raw.commands[command] += 1
                if block["type"] == "tool_result":
                    call, error = calls[block["tool_use_id"]], block.get("is_error") is True
                    if call["tool"] in EDITORS and not error:
                        raw.edits[call["file_path"]] += 1
                    if error and "command" in call:
                        raw.failed.add(flat(call["command"]))
                if file == path and block["type"] == "text" and line["type"] == "user":
                    said = re.sub(OWN_COMMAND, r"\1 \2", block["text"])
                    if not (line.get("isMeta") or line.get("isCompactSummary") or said.startswith(NOT_TYPED)):
                        raw.prompts[flat(said).casefold()] = None
            raw.started, raw.last = raw.started or line["timestamp"], max(raw.last, line["timestamp"])
    return raw


async def entries_of(path: Path) -> dict[str, str]:
    """The redacted text of every entry of the main conversation and of the subagents, by id."""
    source, found = ClaudeCodeTranscripts(), {}
    for file in (path, *path.with_suffix("").rglob("*.jsonl")):
        async for batch in source.read(file):
            found |= {entry.id: flat(redact(entry.text).text) for entry in batch.entries}
    return found


async def handoff_of(app: Application, path: Path, raw: Raw):
    return await app.handoffs.make(
        path.stem, PROJECT, "/home/dev/cli", datetime.fromisoformat(raw.started), None, str(path), datetime.fromisoformat(raw.last)
    )  # fmt: skip


async def test_figures_are_those_of_the_raw_lines(app, real):
    assert len(real) == 24
    totals = Counter()
    for path in real:
        raw = raw_of(path)
        made = await handoff_of(app, path, raw)
        assert made.counts["asked"] == len(raw.prompts), path
        assert made.counts["commands"] == len(raw.commands)
        shown = {one.command.removesuffix(" …"): one.times for one in made.commands}
        cut = Counter()
        for command, times in raw.commands.items():
            cut[redact(command).text[:300].rstrip()] += times
        assert len(made.commands) == min(60, len(raw.commands)) and shown.items() <= cut.items()
        edits = {one.path.removeprefix("/home/dev/cli/").removesuffix(" …"): one.edits for one in made.files}
        assert sum(edits.values()) == sum(raw.edits.values())
        assert {name.rpartition("/")[2] for name in edits} == {name.rpartition("/")[2] for name in raw.edits}
        for one in made.commands:
            full = next(c for c in raw.commands if redact(c).text.startswith(one.command.removesuffix(" …")))
            assert one.failures == 0 or full in raw.failed or "|" in full
        totals.update(made.counts)
    assert totals["commands"] > 150 and totals["files"] > 50 and totals["errors"] > 20, totals


async def test_every_quote_is_a_piece_of_the_entry_it_names(app, real):
    quotes = 0
    for path in real:
        entries = await entries_of(path)
        made = await handoff_of(app, path, raw_of(path))
        for said in (*made.asked, *made.decisions):
            assert said.text.removesuffix(" …") in entries[said.ref], said
            quotes += 1
        for line in (*made.commands, *made.errors):
            what = line.command if hasattr(line, "times") else line.what
            assert flat(what.removesuffix(" …")) in entries[line.ref]
        for failed in made.errors:
            assert failed.fixed_by.removesuffix(" …") in entries.get(failed.fixed_ref, "")
    assert quotes > 60


async def test_pages_keep_their_budget_and_say_only_what_the_handoff_says(app, real):
    for path in real:
        made = await handoff_of(app, path, raw_of(path))
        told = json.dumps(body_of(made), ensure_ascii=False)
        for budget in (300, 1_500):
            text = page(made, budget, unasked=True)
            assert tokens(text) <= budget
            for quote in re.findall("“([^”\n]*)”", text):
                assert json.dumps(quote, ensure_ascii=False)[1:-1] in told
            for command in re.findall(r"^- `([^`\n]*)` ended", text, re.MULTILINE):
                assert json.dumps(command.removesuffix(" …"), ensure_ascii=False)[1:-1] in told


async def test_a_session_teaches_a_handful_at_most_and_each_sentence_was_said_there(app, real):
    categories = Counter()
    for path in real:
        await app.capture.follow(path)
        entries = await entries_of(path)
        learned = await app.learning.learn(path.stem, PROJECT)
        assert len(learned.lessons) <= MOST
        for lesson in learned.lessons:
            categories[lesson.category] += 1
            if len(lesson.refs) == 1:
                assert lesson.text in entries[lesson.refs[0]]
            else:
                failed, fixed = (entries[ref] for ref in lesson.refs)
                commands = re.findall(r"`([^`]+)`", lesson.text)
                assert commands[0].removesuffix(" …") in failed and commands[-1].removesuffix(" …") in fixed
        assert (await app.learning.learn(path.stem, PROJECT)).new == 0
    assert set(categories) == {"decision", "fix", "convention", "gotcha"} and 15 < sum(categories.values()) < 60


async def test_the_tool_measures_and_preserves_what_the_transcript_has(app, shared, tmp_path):
    """A real session, lying where its client would have left it."""
    session = "e0cf01c8-a5c1-4d96-8137-81b8c2be9359"
    left = Path.home() / ".claude" / "projects" / "-home-dev-cli" / f"{session}.jsonl"
    left.parent.mkdir(parents=True)
    source = next((shared / "claude-code" / "real-projects").rglob(f"{session}.jsonl"))
    left.write_bytes(source.read_bytes())
    with connection.entered(connection.Connection(cwd=str(tmp_path), project_dir=str(tmp_path), session_id=session)):
        async with Client(build_server(app)) as client:
            reply = (await client.call_tool("auto_compact", {})).structured_content
    usage = [
        line["message"]["usage"] for line in map(json.loads, source.read_text().splitlines())
        if line["type"] == "assistant" and line["message"]["model"] != "<synthetic>"
    ][-1]  # fmt: skip
    counted = sum(
        usage[name]
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    )
    assert reply["tokens"] == counted > 140_000 and reply["share"] == round(counted / 200_000, 3)
    assert (reply["verdict"], reply["compact"]) == ("high", True) and reply["todos"] == []
    assert reply["prompts"][-1]["quote"] == "but didn't we have a requirement to fix this specific scenario?"
    assert any(file.endswith("cmd/entire/cli/strategy/manual_commit_hooks.go") for file in reply["files"])
    assert tokens(await app.compaction.carry_over(session)) <= 1_500
