"""Groups and dependencies as documents."""

import asyncio
from datetime import UTC, datetime

import pytest
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.project_graph import service as limits
from session_mgmt_mcp.domain.project_graph.graph import Relation
from session_mgmt_mcp.domain.project_graph.service import COLLECTION, DEPENDENCIES, ProjectGraphService
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.session_storage import as_json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def storage() -> MemorySessionStorage:
    return MemorySessionStorage(lambda: NOW)


@pytest.fixture
def graphs(storage) -> ProjectGraphService:
    return ProjectGraphService(storage, FixedClock(NOW))


async def test_what_is_said_is_read_back_by_another_machine(graphs, storage):
    await graphs.create_group("Web", ["shop", "blog"], "what customers see", "ada")
    await graphs.add_dependency("shop", "core", Relation.EXTENDS, "its models", "ada")
    graph = await ProjectGraphService(storage, FixedClock(NOW)).graph()
    [group], [dependency] = graph.groups, graph.dependencies
    assert (group.name, group.projects, group.description) == ("Web", ["shop", "blog"], "what customers see")
    assert (group.by, group.created) == ("ada", NOW)
    assert (dependency.source, dependency.target, dependency.relation) == ("shop", "core", Relation.EXTENDS)


async def test_a_group_that_exists_grows_and_nobody_leaves_it(graphs):
    await graphs.create_group("Web", ["shop"], "what customers see", "ada")
    change = await graphs.create_group(" web ", ["blog", "shop"], "", "bob")
    assert (change.new, change.added) == (False, ["blog"])
    [group] = (await graphs.graph()).groups
    assert (group.name, group.projects, group.by, group.description) == (
        "Web", ["shop", "blog"], "ada", "what customers see",
    )  # fmt: skip


async def test_a_dependency_said_twice_is_one(graphs):
    assert (await graphs.add_dependency("shop", "core", Relation.USES, "", "ada")).new
    again = await graphs.add_dependency("shop", "core", Relation.USES, "for money", "bob")
    assert not again.new and again.dependency.description == "for money" and again.dependency.by == "ada"
    await graphs.add_dependency("core", "shop", Relation.USES, "", "ada")
    await graphs.add_dependency("shop", "core", Relation.EXTENDS, "", "ada")
    assert len((await graphs.graph()).dependencies) == 3


@pytest.mark.parametrize("kind", ["memory", "local"])
async def test_eight_who_write_at_once_lose_nothing(kind, storage, tmp_path):
    if kind == "local":
        storage = LocalSessionStorage(tmp_path, lambda: NOW)
    writers = [ProjectGraphService(storage, FixedClock(NOW)) for _ in range(8)]
    await asyncio.gather(
        *(one.create_group("Web", [f"p{n}-{m}"], "", "me") for n, one in enumerate(writers) for m in range(4)),
        *(
            one.add_dependency(f"p{n}", f"p{m}", Relation.USES, "", "me")
            for n, one in enumerate(writers)
            for m in (8, 9)
        ),
    )
    graph = await writers[0].graph()
    assert sorted(graph.groups[0].projects) == [f"p{n}-{m}" for n in range(8) for m in range(4)]
    assert len(graph.dependencies) == 16
    await storage.close() if kind == "local" else None


async def test_whoever_never_gets_a_turn_is_told_to_try_again(graphs, storage, monkeypatch):
    async def put(*_: object, **__: object) -> None:
        raise Conflict("somebody else", 1)

    monkeypatch.setattr(storage, "put", put)
    with pytest.raises(Unavailable, match="try again"):
        await graphs.create_group("Web", ["shop"], "", "me")


async def test_no_secret_is_stored(graphs, storage):
    secret = "sk-ant-api03-" + "A1b2C3d4" * 12
    await graphs.create_group("Web", ["shop"], f"key {secret}", secret)
    await graphs.add_dependency("shop", "core", Relation.USES, f"key {secret}", secret)
    documents = (await storage.list(COLLECTION)).documents
    assert len(documents) == 2 and secret not in repr(documents)


async def test_a_project_depends_on_another_one(graphs):
    with pytest.raises(Invalid, match="cannot depend on itself"):
        await graphs.add_dependency("shop", "shop", Relation.USES, "", "me")


@pytest.mark.parametrize("name", ["", "  ", "\n", "x" * 61, "a\0b", "\ud800"])
async def test_a_group_has_a_name_that_can_be_read(graphs, name):
    with pytest.raises(Invalid, match="name:"):
        await graphs.create_group(name, ["shop"], "", "me")


async def test_what_would_not_fit_is_refused(graphs, monkeypatch):
    with pytest.raises(Invalid, match="at least one"):
        await graphs.create_group("Web", [], "", "me")
    with pytest.raises(Invalid, match="description"):
        await graphs.create_group("Web", ["shop"], "x" * 301, "me")
    with pytest.raises(Invalid, match="at most 50"):
        await graphs.create_group("Web", [f"p{n}" for n in range(51)], "", "me")
    monkeypatch.setattr(limits, "MOST_GROUPS", 1)
    monkeypatch.setattr(limits, "MOST_DEPENDENCIES", 1)
    await graphs.create_group("Web", ["shop"], "", "me")
    await graphs.add_dependency("shop", "core", Relation.USES, "", "me")
    with pytest.raises(Invalid, match="remove_project_group"):
        await graphs.create_group("Other", ["shop"], "", "me")
    with pytest.raises(Invalid, match="remove some"):
        await graphs.add_dependency("core", "shop", Relation.USES, "", "me")
    await graphs.create_group("Web", ["blog"], "", "me")  # what is there may still change


def test_a_full_graph_fits_into_its_documents():
    words = "x" * limits.LONGEST_DESCRIPTION
    entry = {"name": "x" * limits.LONGEST_NAME, "description": words, "by": "x" * 60, "created": NOW.isoformat()}
    group = {**entry, "projects": ["p" * 60] * limits.MOST_IN_GROUP}
    dependency = {**entry, "source": "p" * 60, "target": "p" * 60, "relation": "shares_code"}
    as_json({"groups": {f"{n:020}": group for n in range(limits.MOST_GROUPS)}})
    as_json({"dependencies": {f"{n:020}": dependency for n in range(limits.MOST_DEPENDENCIES)}})


async def test_some_leave_a_group_and_with_the_last_one_it_is_gone(graphs):
    await graphs.create_group("Web", ["shop", "blog"], "", "me")
    assert (await graphs.remove_group("web", ["blog"])).projects == ["shop", "blog"]
    assert (await graphs.graph()).groups[0].projects == ["shop"]
    with pytest.raises(NotFound, match="None of these"):
        await graphs.remove_group("Web", ["core"])
    await graphs.remove_group("Web", ["shop"])
    assert (await graphs.graph()).groups == []
    with pytest.raises(NotFound, match="list_project_groups"):
        await graphs.remove_group("Web")


async def test_a_group_goes_as_a_whole(graphs):
    await graphs.create_group("Web", ["shop", "blog"], "", "me")
    await graphs.create_group("Other", ["shop"], "", "me")
    await graphs.remove_group("Web")
    assert [group.name for group in (await graphs.graph()).groups] == ["Other"]


async def test_a_dependency_goes_alone_or_with_the_others_between_two(graphs):
    for relation in (Relation.USES, Relation.EXTENDS, Relation.REFERENCES):
        await graphs.add_dependency("shop", "core", relation, "", "me")
    await graphs.add_dependency("core", "shop", Relation.USES, "", "me")
    assert [one.relation for one in await graphs.remove_dependency("shop", "core", Relation.USES)] == [Relation.USES]
    assert len(await graphs.remove_dependency("shop", "core")) == 2
    assert [one.source for one in (await graphs.graph()).dependencies] == ["core"]
    with pytest.raises(NotFound):
        await graphs.remove_dependency("shop", "core")


async def test_what_a_later_version_wrote_is_passed_over_and_kept(graphs, storage):
    later = {"source": "a", "target": "b", "relation": "vendors", "description": "", "by": "", "created": "x"}
    await storage.put(COLLECTION, DEPENDENCIES, {DEPENDENCIES: {"k": later}})
    await graphs.add_dependency("shop", "core", Relation.USES, "", "me")
    assert [one.source for one in (await graphs.graph()).dependencies] == ["shop"]
    document = await storage.get(COLLECTION, DEPENDENCIES)
    assert document is not None and document.body[DEPENDENCIES]["k"] == later
