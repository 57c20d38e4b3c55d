"""What is shared is a copy, marked with its team, and whoever is not in the team finds no trace of it."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.embedding import EmbeddingWorker
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.teams.knowledge import Asked
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.domain.teams.shared import provenance_of
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition

from tests.unit.teams.worlds import NOW, World, core

PROXY = "The proxy listens on port 8081 because nginx has 8080"


async def test_what_is_shared_is_found_by_the_team_on_every_machine_at_once(world, hub):
    shared = await hub.sharing.share(await hub.remember(PROXY, tags=("ops",)), "core", "mia", ("net",))
    for user in ("ann", "vera"):
        known = await world.hub().knowledge.search(user, Asked("which port has the proxy"))
        [(record, shown, score)] = known.hits
        assert (record.id, record.kind, shown, record.tags) == (shared.id, Kind.SHARED, PROXY, ("net", "ops"))
        assert score > 0.5 and known.total == 1


async def test_provenance_stays_with_the_copy(hub):
    run = Draft("Coverage fell to 71 %", "shop-1a2b3c", Kind.QUALITY, source="checkpoint", trust=Trust.TOOL)
    original = (await hub.memory.store(run)).id
    shared = await hub.sharing.share(original, "core", "mia")
    known = provenance_of(await hub.knowledge.show(shared.id, "ann"))
    assert (known.team, known.shared_by, known.shared, known.original) == ("core", "mia", NOW, original)
    assert (known.kind, known.source, known.trust) == ("quality", "checkpoint", "tool")


async def test_a_copy_belongs_to_no_session_and_carries_no_facts_of_the_original(hub):
    original = await hub.remember(PROXY, session="s1", position=3, facts=("fixes:abc", "team:other@0"))
    shared = await hub.sharing.share(original, "core", "mia")
    [record] = await hub.store.get([shared.id])
    team = await hub.teams.get("core", "mia")
    assert (record.session, record.position) == ("", 0)
    assert record.facts == (team.mark, "shared-by:mia", "shared-in:2026-11")


async def test_sharing_twice_is_one_record_whoever_does_it(world, hub):
    original = await hub.remember(PROXY)
    first = await hub.sharing.share(original, "core", "mia")
    again = await hub.sharing.share(original, "core", "ann")
    assert (first.duplicate, again.duplicate, again.id) == (False, True, first.id)
    [record] = await hub.store.get([first.id])
    assert await hub.store.count([]) == 1 and provenance_of(record).shared_by == "mia"
    text = await world.hub().sharing.share_text(Draft(PROXY, "shop-1a2b3c"), "core", "ann")
    assert text.duplicate and text.id == first.id


async def test_two_machines_that_share_the_same_at_once_leave_one_record(world, hub):
    hubs = [world.hub(seed) for seed in range(6)]
    ids = [await one.remember(PROXY) for one in hubs]
    shared = await asyncio.gather(*(one.sharing.share(id, "core", "ann") for one, id in zip(hubs, ids, strict=True)))
    assert len({one.id for one in shared}) == 1 == await world.store.count([])


async def test_two_teams_have_a_copy_each_and_a_search_in_both_tells_it_once(hub):
    await hub.teams.create("web", "", "", "mia")
    original = await hub.remember(PROXY)
    copies = {(await hub.sharing.share(original, team, "mia")).id for team in ("core", "web")}
    assert len(copies) == 2 and len(await hub.found("mia", "proxy port")) == 1
    for team in ("core", "web"):
        assert set(await hub.found("mia", "proxy port", team_id=team)) < copies


async def test_what_is_deep_inside_a_long_memory_is_found_and_shared_by_any_of_its_parts(hub):
    original = await hub.remember(
        "Notes of the day. " * 100 + "The zeppelin hangar opens at nine. " + "And so on. " * 100
    )
    assert len(await hub.own.get([f"{original}.2"])) == 1
    shared = await hub.sharing.share(f"{original}.2", "core", "mia")
    known = await hub.knowledge.search("vera", Asked("zeppelin hangar"))
    assert known.hits[0][0].id == shared.id and "zeppelin" in known.hits[0][1]
    assert (await hub.knowledge.show(f"{shared.id}.2", "vera")).id == shared.id


async def test_vectors_come_along_and_are_made_where_there_are_none(hub):
    embedded, fresh = (
        await hub.remember(PROXY + " and more" * 200),
        await hub.remember("Reset the cache after a deploy"),
    )
    vector = np.full((1, 384), 384**-0.5, np.float32)
    await hub.own.set_vectors([embedded], vector, hub.embedder.model_id)
    for original in (embedded, fresh):
        shared = await hub.sharing.share(original, "core", "mia")
        records = await hub.store.scan([Condition("kind", "=", Kind.SHARED), Condition("model_id", "=", "")])
        assert records.records == []
        vectors = await hub.store.vectors([shared.id])
        assert np.allclose(vectors[shared.id], vector[0]) == (original == embedded)


async def test_a_vector_of_another_model_does_not_come_along(hub):
    original = await hub.remember(PROXY)
    await hub.own.set_vectors([original], np.full((1, 384), 384**-0.5, np.float32), "another-model")
    shared = await hub.sharing.share(original, "core", "mia")
    [record] = await hub.store.get([shared.id])
    assert record.model_id == hub.embedder.model_id
    assert not np.allclose((await hub.store.vectors([shared.id]))[shared.id], 384**-0.5)


async def test_what_the_team_has_already_is_not_read_by_the_model_again(world, hub):
    class Counting(MemoryEmbedder):
        texts = 0

        async def embed_documents(self, texts):
            self.texts += len(texts)
            return await super().embed_documents(texts)

    machine = world.hub(embedder=Counting())
    original = await machine.remember(PROXY)
    for _ in range(3):
        await machine.sharing.share(original, "core", "mia")
    assert machine.embedder.texts == 1


class Broken(MemoryEmbedder):
    broken = True

    async def embed_documents(self, texts):
        if self.broken:
            raise Unavailable("The model file is missing: reinstall the package.")
        return await super().embed_documents(texts)


async def test_without_a_model_it_is_shared_all_the_same_and_sharing_again_makes_up_for_it(world, hub):
    machine = world.hub(embedder=Broken())
    original = await machine.remember(PROXY)
    shared = await machine.sharing.share(original, "core", "mia")
    assert "by word only" in shared.note and await machine.store.vectors([shared.id]) == {}
    assert await hub.found("ann", "proxy") == [shared.id]
    machine.embedder.broken = False
    again = await machine.sharing.share(original, "core", "mia")
    assert again.duplicate and again.note == "" and shared.id in await machine.store.vectors([shared.id])


async def test_in_the_own_store_the_worker_makes_missing_vectors(world):
    embedder = Broken()
    machine = world.hub(embedder=embedder, own=world.store)
    await core(machine)
    shared = await machine.sharing.share(await machine.remember(PROXY * 30), "core", "mia")
    embedder.broken = False
    worker = EmbeddingWorker(world.store, embedder)
    running = asyncio.create_task(worker.run())
    assert (await worker.wait_idle()).pending == 0
    running.cancel()
    assert {shared.id, f"{shared.id}.1"} <= (await world.store.vectors([shared.id, f"{shared.id}.1"])).keys()


async def test_secrets_that_were_stored_before_their_pattern_was_known_are_not_shared(hub):
    secret = "ghp_" + "q7Xc2LmV9sTb4WnZ8yRk3PdH6jFa1GeU5oN"
    original = await hub.remember("A note")
    [record] = await hub.own.get([original])
    await hub.own.upsert([replace(record, text=f"The token is {secret}", tags=(secret,))])
    shared = await hub.sharing.share(original, "core", "mia", (f"again {secret}",))
    [copy] = await hub.store.get([shared.id])
    assert secret not in repr(copy) and "[redacted:github-token]" in copy.text
    assert shared.redacted == {"github-token": 1}
    text = await hub.sharing.share_text(Draft(f"Or {secret} here", "shop"), "core", "mia")
    [copy] = await hub.store.get([text.id])
    assert secret not in repr(copy) and text.redacted == {"github-token": 1}


@pytest.mark.parametrize("kind", [Kind.ACTION, Kind.CODE])
async def test_output_of_programs_and_parts_of_code_are_not_shared(hub, kind):
    original = await hub.remember("Bash: go test", kind=kind)
    with pytest.raises(Invalid, match="share that"):
        await hub.sharing.share(original, "core", "mia")


async def test_what_one_team_shared_is_not_passed_on_by_its_id(world):
    machine = world.hub(own=world.store)
    await core(machine)
    await machine.teams.create("web", "", "", "mia")
    shared = await machine.sharing.share(await machine.remember(PROXY), "core", "mia")
    for memory in (shared.id, "nothing"):
        with pytest.raises(NotFound, match=r"no memory .* of your own"):
            await machine.sharing.share(memory, "web", "mia")


async def test_a_viewer_shares_nothing_and_takes_nothing_back(hub):
    original = await hub.remember(PROXY)
    with pytest.raises(Invalid, match="A viewer of core only searches: ask adam, ann"):
        await hub.sharing.share(original, "core", "vera")
    shared = await hub.sharing.share(original, "core", "mia")
    with pytest.raises(Invalid, match="Only who shared a memory"):
        await hub.sharing.unshare(shared.id, "core", "vera")
    assert await hub.found("vera", "proxy") == [shared.id]


@pytest.mark.parametrize(("by", "may"), [("mia", True), ("adam", True), ("ann", True), ("max", False)])
async def test_who_shared_a_memory_may_take_it_back_and_so_may_the_managers(hub, by, may):
    await hub.teams.add("core", "max", Role.MEMBER, "ann")
    original = await hub.remember(PROXY * 30)
    shared = await hub.sharing.share(original, "core", "mia")
    if may:
        assert (await hub.sharing.unshare(original, "core", by)).id == shared.id
        assert await hub.store.count([]) == 0 and await hub.found("mia", "proxy") == []
    else:
        with pytest.raises(Invalid, match="Only who shared"):
            await hub.sharing.unshare(shared.id, "core", by)
        assert await hub.found("mia", "proxy") == [shared.id]


async def test_who_made_it_a_viewer_no_longer_takes_back(hub):
    shared = await hub.sharing.share(await hub.remember(PROXY), "core", "mia")
    await hub.teams.add("core", "mia", Role.VIEWER, "ann")
    with pytest.raises(Invalid):
        await hub.sharing.unshare(shared.id, "core", "mia")


async def test_what_was_taken_back_may_be_shared_again_and_has_no_votes(hub):
    original = await hub.remember(PROXY)
    shared = await hub.sharing.share(original, "core", "mia")
    await hub.voting.vote(shared.id, "ann", 1, own=False)
    await hub.sharing.unshare(shared.id, "core", "mia")
    again = await hub.sharing.share(original, "core", "mia")
    assert (again.id, again.duplicate) == (shared.id, False)
    assert (await hub.voting.vote(shared.id, "mia", 1, own=False)).votes == 1


async def test_a_team_that_is_deleted_takes_what_was_shared_along_and_nothing_else(hub, world):
    await hub.teams.create("web", "", "", "mia")
    mine = await hub.remember(PROXY * 30)
    shared = await hub.sharing.share(mine, "core", "mia")
    kept = await hub.sharing.share(mine, "web", "mia")
    await hub.voting.vote(shared.id, "ann", 1, own=False)
    assert (await hub.sharing.what_would_go("core", "ann"))[1] == 1
    for by in ("mia", "adam"):
        with pytest.raises(Invalid, match="Only an owner"):
            await hub.sharing.delete_team("core", by)
    assert await hub.sharing.delete_team("core", "ann") == 1
    assert await hub.found("mia", "proxy") == [kept.id] and len(await hub.own.get([mine])) == 1
    assert (await world.storage.list("ballots")).documents == []
    assert (await world.storage.get("teams", "core")) is None
    assert [team.id for team in await hub.teams.of("ann")] == []


async def test_a_deletion_that_broke_off_hides_everything_and_goes_on_when_asked_again(hub, world, monkeypatch):
    shared = await hub.sharing.share(await hub.remember(PROXY), "core", "mia")

    async def hangs(where):
        raise Unavailable("The store does not answer: try again.")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "delete", hangs)
        with pytest.raises(Unavailable):
            await hub.sharing.delete_team("core", "ann")
    assert await hub.found("mia", "proxy") == [] and len(await world.store.get([shared.id])) == 1
    with pytest.raises(NotFound):
        await hub.teams.get("core", "ann")
    with pytest.raises(NotFound):
        await hub.sharing.delete_team("core", "adam")
    with pytest.raises(Invalid, match="choose another"):
        await hub.teams.create("core", "", "", "ann")
    assert (await hub.sharing.what_would_go("core", "ann"))[1] == 1
    assert await hub.sharing.delete_team("core", "ann") == 1
    assert await world.store.count([]) == 0


async def test_a_team_of_the_same_id_as_one_before_finds_nothing_of_it(hub, world):
    shared = await hub.sharing.share(await hub.remember(PROXY), "core", "mia")
    [record] = await world.store.get([shared.id])
    await hub.sharing.delete_team("core", "ann")
    await world.store.upsert([record])  # as a machine would that had lost its connection while it shared
    await hub.teams.create("core", "", "", "otto")
    assert await hub.found("otto", "proxy") == []
    with pytest.raises(NotFound):
        await hub.knowledge.show(shared.id, "otto")


@given(st.integers(0, 2**20))
@settings(deadline=None)
def test_what_is_shared_while_its_team_is_deleted_is_found_by_nobody(seed):
    async def run() -> None:
        world = World()
        one, two = world.hub(seed), world.hub(seed + 7)
        await core(one)
        original = await one.remember(PROXY)
        await asyncio.gather(
            one.sharing.share(original, "core", "mia"), two.sharing.delete_team("core", "ann"), return_exceptions=True
        )
        assert await world.store.count([]) == 0
        assert await world.storage.get("teams", "core") is None

    asyncio.run(run())


@given(st.integers(0, 2**20), st.lists(st.sampled_from(["share", "unshare", "vote"]), min_size=2, max_size=5))
@settings(deadline=None)
def test_a_memory_is_there_or_not_as_its_ballot_is_open_or_not_however_calls_interleave(seed, steps):
    async def run() -> None:
        world = World()
        hubs = [world.hub(seed + n) for n in range(len(steps))]
        await core(hubs[0])
        shared = await hubs[0].sharing.share(await hubs[0].remember(PROXY), "core", "mia")

        async def taken(hub, step) -> None:
            original = await hub.remember(PROXY)
            try:
                match step:
                    case "share":
                        await hub.sharing.share(original, "core", "mia")
                    case "unshare":
                        await hub.sharing.unshare(original, "core", "mia")
                    case "vote":
                        await hub.voting.vote(shared.id, "ann", 1, own=False)
            except NotFound:
                pass

        await asyncio.gather(*(taken(hub, step) for hub, step in zip(hubs, steps, strict=True)))
        found = await world.store.get([shared.id])
        team = await hubs[0].teams.get("core", "ann")
        votes = await hubs[0].ballots.sum(f"{team.key}.{shared.id}")
        assert not found or (votes is not None and found[0].metadata["votes"] == votes)
        if "share" not in steps and "unshare" in steps:
            assert not found

    asyncio.run(run())


async def test_conflicts_are_the_storages_and_never_a_callers(hub):
    results = await asyncio.gather(
        *(hub.teams.add("core", f"u{n}", Role.MEMBER, "ann") for n in range(20)), return_exceptions=True
    )
    assert not [one for one in results if isinstance(one, Conflict)]
    assert len((await hub.teams.get("core", "ann")).members) == 24
