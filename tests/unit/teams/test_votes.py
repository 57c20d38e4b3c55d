"""One vote a user, whoever counts."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition

from tests.unit.teams.worlds import World, core


@pytest.fixture
async def shared(hub) -> str:
    return (await hub.sharing.share(await hub.remember("Reset the cache after a deploy"), "core", "mia")).id


async def votes(hub, memory: str) -> int:
    [record] = await hub.store.get([memory])
    return record.metadata["votes"]


async def test_a_vote_counts_once_and_the_last_one_counts(hub, shared):
    for vote, stands in ((1, 1), (1, 1), (-1, -1), (0, 0), (1, 1)):
        said = await hub.voting.vote(shared, "mia", vote, own=False)
        assert (said.votes, said.yours, await votes(hub, shared)) == (stands, vote, stands)
    assert (await hub.voting.vote(shared, "ann", 1, own=False)).votes == 2


@pytest.mark.parametrize("vote", [2, -2, 10])
async def test_any_other_number_is_refused(hub, shared, vote):
    with pytest.raises(Invalid, match="vote_delta"):
        await hub.voting.vote(shared, "mia", vote, own=False)
    assert await votes(hub, shared) == 0


async def test_a_viewer_does_not_vote_and_who_is_not_in_the_team_is_told_of_nothing(hub, shared):
    with pytest.raises(Invalid, match="A viewer of core does not vote"):
        await hub.voting.vote(shared, "vera", 1, own=False)
    said = []
    for memory in (shared, "0" * 20):
        for own in (False, True):
            with pytest.raises(NotFound) as error:
                await hub.voting.vote(memory, "otto", 1, own=own)
            said.append(str(error.value).replace(memory, "it"))
    assert len(set(said)) == 1 and await votes(hub, shared) == 0


async def test_own_memories_are_voted_on_by_whoever_works_here_and_by_nobody_else(hub):
    mine = await hub.remember("Reset the cache " * 100, session="s1", facts=("fixes:x",))
    said = await hub.voting.vote(f"{mine}.1", "otto", 1, own=True)
    [record] = await hub.own.get([mine])
    assert (said.id, said.votes, record.metadata["votes"]) == (mine, 1, 1)
    assert record.facts == ("fixes:x",) and record.metadata["trust"] == "user"
    with pytest.raises(NotFound):
        await hub.voting.vote(mine, "otto", 1, own=False)
    page = await hub.own.listed([Condition("parent", "=", "")], "votes")
    assert page.records[0].id == mine


async def test_own_memories_are_voted_on_while_what_is_shared_is_out_of_reach(hub, world, monkeypatch):
    async def away(*_, **__):
        raise Unavailable("Redis does not answer: try again.")

    mine = await hub.remember("Reset the cache")
    monkeypatch.setattr(world.storage, "get", away)
    monkeypatch.setattr(world.store, "scan", away)
    assert (await hub.voting.vote(mine, "mia", 1, own=True)).votes == 1


async def test_a_copy_is_nobodys_own_where_both_are_in_one_store(world):
    hub = world.hub(own=world.store)
    await core(hub)
    copy = (await hub.sharing.share(await hub.remember("Reset the cache"), "core", "mia")).id
    with pytest.raises(NotFound):
        await hub.voting.vote(copy, "otto", 1, own=True)
    assert await votes(hub, copy) == 0


async def test_a_vote_on_a_copy_leaves_the_original_alone(hub):
    mine = await hub.remember("Reset the cache")
    copy = (await hub.sharing.share(mine, "core", "mia")).id
    await hub.voting.vote(copy, "mia", 1, own=True)
    assert "votes" not in (await hub.own.get([mine]))[0].metadata and await votes(hub, copy) == 1


async def test_a_vote_keeps_text_vector_and_provenance(hub, shared):
    [before], vectors = await hub.store.get([shared]), await hub.store.vectors([shared])
    await hub.voting.vote(shared, "mia", -1, own=False)
    [after] = await hub.store.get([shared])
    assert (after.text, after.tags, after.model_id) == (before.text, before.tags, before.model_id)
    assert {**after.metadata, "votes": 0} == before.metadata
    assert set(after.facts) - set(before.facts) == {"votes:-1"}
    assert ((await hub.store.vectors([shared]))[shared] == vectors[shared]).all()


async def test_the_sum_that_a_killed_machine_did_not_write_is_written_by_the_next_vote(hub, shared):
    team = await hub.teams.get("core", "mia")
    await hub.ballots.cast(f"{team.key}.{shared}", "mia", 1)  # and killed before it wrote it beside the memory
    assert await votes(hub, shared) == 0
    assert (await hub.voting.vote(shared, "mia", 1, own=False)).votes == 1 == await votes(hub, shared)


VOTERS = ("ann", "adam", "mia", "max")
CAST = st.lists(st.tuples(st.sampled_from(VOTERS), st.sampled_from((-1, 0, 1))), min_size=1, max_size=12)


@given(CAST, st.integers(0, 2**20), st.integers(1, 12))
@settings(deadline=None)
def test_however_votes_interleave_the_memory_says_what_the_ballot_says(cast, seed, at_once):
    """Each voter's votes come one after the other, those of different voters in any order."""

    async def run() -> None:
        world = World()
        hubs = {voter: world.hub(seed + n) for n, voter in enumerate(VOTERS)}
        hub = hubs["ann"]
        await core(hub)
        await hub.teams.add("core", "max", Role.MEMBER, "ann")
        memory = (await hub.sharing.share(await hub.remember("Reset the cache"), "core", "mia")).id

        async def votes_of(voter: str, some: list[tuple[str, int]]) -> None:
            for who, vote in some:
                if who == voter:
                    await hubs[voter].voting.vote(memory, voter, vote, own=False)

        for start in range(0, len(cast), at_once):
            await asyncio.gather(*(votes_of(voter, cast[start : start + at_once]) for voter in VOTERS))
        expected = sum(dict(cast).values())
        [record] = await world.store.get([memory])
        facts = [fact for fact in record.facts if fact.startswith("votes:")]
        assert record.metadata["votes"] == expected and facts == ([f"votes:{expected}"] if expected else [])

    asyncio.run(run())
