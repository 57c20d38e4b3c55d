"""Five projects that are made up, and which of them answers what: nearer ones among equals, the exact one from anywhere.

Asked from `shop`, which uses payments, which extends core; blog is in a group with shop; kit is referenced by blog.
"""

from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.embedding import embedding_text
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.project_graph.graph import Graph, Relation
from session_mgmt_mcp.domain.project_graph.nearness import near
from session_mgmt_mcp.domain.project_graph.neighbourhood import neighbourhood

from tests.unit.projects.test_distance import dependency, group

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GRAPH = Graph(
    [group("web", "shop", "blog")],
    [
        dependency("shop", "payments"),
        dependency("payments", "core", Relation.EXTENDS),
        dependency("blog", "kit", Relation.REFERENCES),
    ],
)
AGAIN = "Requests are retried three times, with a growing pause."
SAID = {
    "shop": [
        "The checkout page shows the cart with its total and the shipping costs.",
        AGAIN,
        "Sessions of customers live in Redis for two hours.",
        "We deploy on Tuesdays after the smoke tests are green.",
    ],
    "payments": [
        "Card numbers never reach our logs: the gateway gives us a token for each card.",
        AGAIN,
        "A refund over 500 euros needs two people who agree.",
        "Migrations of the ledger run in a transaction, one by one.",
    ],
    "core": [
        "Money is an integer of cents with its currency; rounding is half to even.",
        AGAIN,
        "Clocks are injected, so that no test sleeps.",
        "The event bus keeps what it could not deliver in the dead letter table.",
    ],
    "blog": [
        "Posts are rendered from Markdown with a list of allowed tags.",
        AGAIN,
        "The sitemap is written each night at three.",
        "Images are resized to webp when somebody uploads them.",
    ],
    "kit": [
        "Buttons have a focus ring of two pixels for keyboard users.",
        AGAIN,
        "Colours come from tokens in theme.json; the contrast is checked in CI.",
        "The date picker begins the week with what the locale says.",
    ],
}
EXACT = [
    ("what rounding does money use, half to even", "core"),
    ("where does the event bus keep what it could not deliver", "core"),
    ("contrast of colours in theme.json", "kit"),
    ("focus ring of buttons for keyboard users", "kit"),
    ("when does the date picker begin the week", "kit"),
    ("sitemap written each night", "blog"),
    ("resize images to webp on upload", "blog"),
    ("who agrees to a refund over 500 euros", "payments"),
    ("why do card numbers never reach the logs", "payments"),
    ("how long do customer sessions live in Redis", "shop"),
]
EQUAL = ["requests are retried three times", "how often is a request retried, with what pause", "growing pause retried"]


@pytest.fixture
async def memory() -> MemoryService:
    store, embedder = MemoryVectorStore(), MemoryEmbedder()
    service = MemoryService(store, embedder, FixedClock(NOW))
    for project, texts in SAID.items():
        for number, text in enumerate(texts):
            time = NOW - timedelta(days=number + 1)
            await service.store(Draft(text, project, Kind.TURN, role="user", session=f"{project}{number}", time=time))
    records = (await store.scan([], limit=100)).records
    vectors = await embedder.embed_documents([embedding_text(record) for record in records])
    await store.set_vectors([record.id for record in records], vectors, embedder.model_id)
    return service


async def order(memory: MemoryService, query: str, start: str = "shop") -> list[str]:
    around = neighbourhood(GRAPH, start, SAID)
    found = await memory.search(query, around.scope, limit=20, near=near(around.reaches))
    return [hit.record.project for hit in found.hits]


@pytest.mark.parametrize(("query", "project"), EXACT)
@pytest.mark.parametrize("start", ["shop", "payments", "blog"])  # from which all others are in reach
async def test_the_exact_answer_comes_first_wherever_it_is(memory, query, project, start):
    assert (await order(memory, query, start))[0] == project


@pytest.mark.parametrize("query", EQUAL)
@pytest.mark.parametrize(
    ("start", "nearest_first"),
    [
        ("shop", ["shop", "payments", "blog", "core", "kit"]),
        ("payments", ["payments", "core", "shop", "blog", "kit"]),
        ("kit", ["kit", "blog", "shop", "payments"]),  # core is too far
    ],
)
async def test_equal_answers_come_in_the_order_of_their_distance(memory, query, start, nearest_first):
    assert (await order(memory, query, start))[: len(nearest_first)] == nearest_first


@pytest.mark.parametrize("query", EQUAL)
async def test_without_nearness_they_come_in_another_order(memory, query):
    """Else the test before would show nothing."""
    around = neighbourhood(GRAPH, "kit", SAID)
    found = await memory.search(query, around.scope, limit=5)
    assert [hit.record.project for hit in found.hits][:4] != ["kit", "blog", "shop", "payments"]


async def test_a_further_page_of_one_start_is_none_of_another(memory):
    """Both ask the same of the same projects."""
    around = neighbourhood(GRAPH, "shop", SAID)
    other = near(around.reaches) | {"blog": 0.5}
    await memory.search(EQUAL[0], around.scope, limit=1, near=near(around.reaches))
    rest = await memory.search(EQUAL[0], around.scope, limit=4, offset=1, near=other)
    assert "blog" not in [hit.record.project for hit in rest.hits[:4]]
