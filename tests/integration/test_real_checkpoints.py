"""Checkpoints of real sessions, their work counted here a second time from the lines of the transcripts."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.domain import checkpoints
from session_mgmt_mcp.domain.tokens import tokens

pytestmark = pytest.mark.shared


@pytest.fixture
def real(shared: Path, tmp_path: Path, shop: Path) -> Path:
    """Real sessions as if they had been held in `shop`."""
    (shop / "pyproject.toml").write_text("")
    source = shared / "claude-code" / "real-projects"
    for path in source.rglob("*.jsonl"):
        copy = tmp_path / "projects" / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.loads(text) for text in path.read_text().splitlines()]
        copy.write_text(
            "".join(json.dumps({**line, "cwd": str(shop)} if "cwd" in line else line) + "\n" for line in lines)
        )
    return tmp_path / "projects"


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(text) for path in folder.rglob("*.jsonl") for text in path.read_text().splitlines()]


def blocks(lines: list[dict], kind: str) -> list[dict]:
    contents = (line["message"]["content"] for line in lines if line["type"] in ("user", "assistant"))
    return [block for content in contents if isinstance(content, list) for block in content if block["type"] == kind]


async def test_the_work_of_real_sessions_is_counted_as_in_their_lines(real, shop, product_in, monkeypatch):
    monkeypatch.setattr(checkpoints, "LOOKED_BACK", timedelta(days=9_000))
    lines = lines_of(real)
    used = Counter({block["id"]: block["name"] for block in blocks(lines, "tool_use")}.values())
    failed = {block["tool_use_id"] for block in blocks(lines, "tool_result") if block.get("is_error") is True}
    async with product_in(shop, transcripts_dir=str(real)) as (app, client):
        await app.capture.import_paths([real])
        reply = (await client.call_tool("checkpoint", {"name": "before the zoning hearing"})).structured_content
        [work] = [line for line in reply["work"] if "of tools" in line]
        assert work.startswith(f"{used.total()} calls of tools, ") and used.total() > 500
        shown = dict(part.rsplit(" ", 1) for part in work.partition("(")[2].rstrip(")").split(", "))
        assert {name: int(count) for name, count in shown.items()} == {name: used[name] for name in shown}
        assert min(used[name] for name in shown) >= max(count for name, count in used.items() if name not in shown)
        said = int(work.partition(", ")[2].split()[0])
        assert said > 0 and abs(said - len(failed)) <= len(
            failed
        )  # what was refused is no failure, what a pipe hid is one
        assert tokens(json.dumps(reply, separators=(",", ":"))) <= 4_000
        found = (
            await client.call_tool("reflect_on_past", {"query": "checkpoint before the zoning hearing"})
        ).structured_content
        assert reply["memory"] in [hit["id"] for hit in found["hits"]]


async def test_a_checkpoint_takes_in_what_its_session_has_gained_and_says_how_full_the_context_is(
    real, shop, product_in, monkeypatch
):
    monkeypatch.setattr(checkpoints, "LOOKED_BACK", timedelta(days=9_000))
    path = max(
        (path for path in real.rglob("*.jsonl") if "subagents" not in path.parts), key=lambda p: p.stat().st_size
    )
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    last = [line["message"] for line in lines if line["type"] == "assistant" and not line.get("isSidechain")][-1]
    use = [
        last["usage"].get(name) or 0
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    ]
    async with product_in(shop, path.stem, transcripts_dir=str(real)) as (app, client):
        assert (await app.store.stats()).records == 0
        reply = (await client.call_tool("checkpoint", {})).structured_content
        own = {block["id"] for block in blocks(lines, "tool_use")}
        [work] = [line for line in reply["work"] if "of tools" in line]
        assert int(work.split()[0]) >= len(own) > 0
        assert reply["context"]["tokens"] == sum(use)
        assert reply["context"]["share"] == round(sum(use) / reply["context"]["window"], 3)
