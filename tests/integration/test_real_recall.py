"""What stands in real sessions is found by its word or its name, and nothing else is made of a question."""

import re
from collections import Counter

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

pytestmark = pytest.mark.shared
ASKED = 40


@pytest.fixture
async def opened(shared):
    async with open_application(load(embedder="memory")) as app:
        await app.capture.import_paths([shared / "claude-code" / "real-projects"])
        texts = {one.id: one for one in (await app.store.scan([], limit=5_000)).records if not one.parent}
        async with Client(build_server(app)) as client:
            yield texts, client


async def missed(client, texts, queries) -> list[str]:
    """Those that no memory among the first five has as it stands."""
    lost = []
    for query in queries:
        arguments = {"query": query, "project": "*"}
        hits = (await client.call_tool("reflect_on_past", arguments)).structured_content["hits"]
        if not any(query.lower() in texts[hit["id"]].text.lower() for hit in hits):
            lost.append(query)
    return lost


async def test_names_of_files_are_found_as_they_stand(opened):
    texts, client = opened
    named = sorted({file.rpartition("/")[2] for one in texts.values() for file in one.files})
    names = [name for name in named if re.fullmatch(r"\w{3,}\.\w+", name) and standing(texts, name)]
    asked = names[:: max(1, len(names) // ASKED)]
    assert len(asked) >= ASKED and len(await missed(client, texts, asked)) <= 1


async def test_a_word_that_one_memory_has_is_found(opened):
    texts, client = opened
    counts = Counter(word for one in texts.values() for word in set(re.findall(r"[a-z]{8,12}", one.text)))
    rare = sorted(word for word, count in counts.items() if count == 1)
    asked = [word for word in rare[:: max(1, len(rare) // ASKED)] if standing(texts, word)]
    assert len(asked) >= ASKED // 2 and len(await missed(client, texts, asked)) <= len(asked) / 5


def standing(texts, word) -> bool:
    return any(re.search(rf"(?<![\w.]){re.escape(word)}\b", one.text) for one in texts.values())
