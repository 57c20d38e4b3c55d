"""Searching and counting what a team shares: access is in the query, so nothing else counts, shows or slips through."""

from datetime import timedelta

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.domain.embedding import EmbeddingWorker
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.teams.knowledge import Asked
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.ports.errors import Invalid, NotFound
from session_mgmt_mcp.ports.vector_store import Record

from tests.unit.teams.worlds import NOW

TEXTS = (
    "The proxy listens on port 8081 because nginx has 8080",
    "Reset the cache after a deploy, or stale rows stay",
    "Invoices are numbered by the database, never by the application",
)


@pytest.fixture
async def secret(hub) -> str:
    """A memory of a team that only otto is in, and that answers everything better."""
    await hub.teams.create("hidden", "", "", "otto")
    text = "The proxy port is 9999, reset the cache, invoices"
    return (await hub.sharing.share(await hub.remember(text, tags=("hush",)), "hidden", "otto")).id


@pytest.fixture
async def ids(hub) -> list[str]:
    return [(await hub.sharing.share(await hub.remember(text), "core", "mia")).id for text in TEXTS]


async def test_somebody_who_is_removed_finds_nothing_at_the_very_next_call(hub, ids):
    for memory in ids:
        await hub.voting.vote(memory, "mia", 1, own=False)
    assert set(await hub.found("mia", "proxy cache invoices")) == set(ids)
    await hub.teams.remove("core", "mia", "ann")
    assert await hub.found("mia", "proxy cache invoices") == []
    assert await hub.found("mia", "proxy cache invoices", sort_by="votes") == []
    for refused in (
        hub.knowledge.search("mia", Asked("proxy", "core")),
        hub.knowledge.show(ids[0], "mia"),
        hub.knowledge.statistics("core", "mia"),
        hub.voting.vote(ids[0], "mia", 1, own=True),
        hub.sharing.share(await hub.remember("More"), "core", "mia"),
        hub.sharing.unshare(ids[0], "core", "mia"),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_what_another_team_shares_changes_nothing_that_one_sees(hub, ids):
    async def seen() -> list[object]:
        answers: list[object] = []
        for sort_by in ("relevance", "votes", "newest"):
            known = await hub.knowledge.search("vera", Asked("proxy cache invoices", sort_by=sort_by))
            answers.append((known.total, known.of, known.note, {record.id for record, _, _ in known.hits}))
        told = await hub.knowledge.statistics("core", "vera")
        return [*answers, told]

    before = await seen()
    await hub.teams.create("hidden", "", "", "otto")
    shared = await hub.sharing.share(await hub.remember("The proxy cache of invoices"), "hidden", "otto")
    await hub.voting.vote(shared.id, "otto", 1, own=False)
    assert await seen() == before


async def test_of_several_teams_one_may_be_asked_alone(hub, ids, secret):
    await hub.teams.add("hidden", "mia", Role.VIEWER, "otto")
    assert set(await hub.found("mia", "proxy cache invoices")) == {*ids, secret}
    assert await hub.found("mia", "proxy cache invoices", team_id="hidden") == [secret]
    assert await hub.found("otto", "proxy cache invoices") == [secret]


async def test_a_project_is_named_by_its_id_or_by_the_name_it_has_on_every_machine(hub, ids):
    for project in ("shop-1a2b3c", "shop", "*", None):
        assert len(await hub.found("vera", "proxy cache invoices", project=project)) == 3
    for project in ("blog", "shop-ffffff", "sho"):
        assert await hub.found("vera", "proxy", project=project) == []


async def test_tags_must_all_be_on_a_hit(hub):
    both = await hub.sharing.share(await hub.remember("proxy one", tags=("ops", "net")), "core", "mia")
    await hub.sharing.share(await hub.remember("proxy two", tags=("ops",)), "core", "mia")
    assert await hub.found("vera", "proxy", tags=("ops", "net")) == [both.id]
    assert len(await hub.found("vera", "proxy", tags=("ops",))) == 2


async def test_the_ranking_is_that_of_the_own_memory(hub, ids):
    """The same texts in the same order with the same scores, as their originals have."""
    worker = EmbeddingWorker(hub.own, hub.embedder)
    while await worker._embed_some():
        pass
    for query in ("which port has the proxy", "stale cache", "who numbers invoices", "deploy"):
        own = await hub.memory.search(query, Scope())
        known = await hub.knowledge.search("vera", Asked(query))
        assert [(hit.record.text, hit.score) for hit in own.hits] == [(one.text, score) for one, _, score in known.hits]


async def test_most_votes_come_first_when_asked_for_among_what_shares_a_word(hub, ids):
    await hub.voting.vote(ids[1], "mia", 1, own=False)
    await hub.voting.vote(ids[2], "mia", -1, own=False)
    assert await hub.found("vera", "proxy cache invoices", sort_by="votes") == [ids[1], ids[0], ids[2]]
    assert await hub.found("vera", "invoices deploy", sort_by="votes") == [ids[1], ids[2]]
    known = await hub.knowledge.search("vera", Asked("proxy cache invoices", sort_by="votes", limit=1))
    assert (len(known.hits), known.total) == (1, 3)


async def test_an_empty_question_is_refused_and_of_no_team_nothing_is_found(hub, ids):
    with pytest.raises(Invalid, match="query is empty"):
        await hub.knowledge.search("vera", Asked("  "))
    known = await hub.knowledge.search("nobody", Asked("proxy"))
    assert (known.hits, known.total) == ([], 0) and "You are in no team" in known.note


async def test_statistics_count_members_memories_and_votes(hub, ids):
    hub.sharing._clock = FixedClock(NOW - timedelta(days=40))
    await hub.sharing.share(await hub.remember("An older one", tags=("ops",)), "core", "ann")
    for user in ("ann", "adam", "mia"):
        await hub.voting.vote(ids[1], user, 1, own=False)
    await hub.voting.vote(ids[0], "mia", 1, own=False)
    await hub.voting.vote(ids[2], "mia", -1, own=False)
    told = await hub.knowledge.statistics("core", "vera")
    assert told.roles == {"owner": 1, "admin": 1, "member": 1, "viewer": 1}
    assert (told.shared, told.by_member, told.by_project) == (4, {"mia": 3, "ann": 1}, {"shop-1a2b3c": 4})
    assert told.by_month == {"2026-11": 3, "2026-10": 1} and told.by_tag == {"ops": 1}
    assert (told.votes, told.voted) == (3, 3) and [record.id for record in told.top] == [ids[1], ids[0]]


async def test_a_long_memory_counts_once(hub):
    await hub.sharing.share(await hub.remember("a long note about the proxy " * 200), "core", "mia")
    told = await hub.knowledge.statistics("core", "ann")
    assert (told.shared, told.by_member, told.by_month) == (1, {"mia": 1}, {"2026-11": 1})


async def test_a_mark_alone_does_not_make_a_memory_shared(hub, world):
    """Nor does its kind: a record of the own store that says it belongs to the team is none of the team's."""
    team = await hub.teams.get("core", "ann")
    for n, (kind, facts) in enumerate((("reflection", (team.mark,)), ("shared", ()), ("shared", ("team:core",)))):
        await world.store.upsert([Record(f"r{n}", kind, "proxy", "shop", NOW, facts=facts)])
    assert await hub.found("ann", "proxy") == []
