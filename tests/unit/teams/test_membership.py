"""Who is in a team, and who says so."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.domain.teams.team import MOST_MEMBERS
from session_mgmt_mcp.ports.errors import Invalid, NotFound, PortError

from tests.unit.teams.worlds import World, core

USERS = ("ann", "adam", "mia", "vera", "otto")


async def test_who_makes_a_team_owns_it(hub):
    team = await hub.teams.get("core", "ann")
    assert (team.role_of("ann"), team.name, team.created) == (Role.OWNER, "Core", team.members["ann"].since)
    assert [team.id for team in await hub.teams.of("mia")] == ["core"]


async def test_a_team_is_made_once_and_its_id_is_nobody_elses(hub):
    again, new = await hub.teams.create("core", "Another name", "", "ann")
    assert not new and again.name == "Core" and again.role_of("mia") is Role.MEMBER
    for user in ("mia", "otto"):
        with pytest.raises(Invalid, match="choose another"):
            await hub.teams.create("core", "Mine", "", user)


async def test_names_are_one_redacted_line_and_ids_a_closed_alphabet(hub):
    secret = "ghp_" + "q7Xc2LmV9sTb4WnZ8yRk3PdH6jFa1GeU5oN"
    team, _ = await hub.teams.create("web", f"The\nweb {secret}", "x" * 5_000, "ann")
    assert team.name == "The web [redacted:github-token]" and len(team.description) == 1_000
    assert (await hub.teams.create("ops", " ", "", "ann"))[0].name == "ops"
    for wrong in ("", ".hidden", "a/b", "a b", "x" * 101, "größe", secret):
        with pytest.raises(Invalid) as said:
            await hub.teams.create(wrong, "", "", "ann")
        assert secret not in str(said.value)
        with pytest.raises(Invalid):
            await hub.teams.add("core", wrong, Role.MEMBER, "ann")


@pytest.mark.parametrize("team_id", ["core", "nowhere", "../core", "", "x" * 300])
async def test_who_is_not_in_a_team_is_told_the_same_as_if_there_were_none(hub, team_id):
    for asked in (
        hub.teams.get(team_id, "otto"),
        hub.teams.add(team_id, "otto", Role.OWNER, "otto"),
        hub.teams.add(team_id, "mia", Role.OWNER, "otto"),
        hub.teams.remove(team_id, "mia", "otto"),
        hub.teams.remove(team_id, "otto", "otto"),
        hub.teams.close(team_id, "otto"),
    ):
        with pytest.raises(NotFound, match=r"^You are in no team '[^']*': list_teams tells yours\.$"):
            await asked
    assert await hub.teams.of("otto") == []


MAY_GIVE = {
    "ann": set(Role),
    "adam": {Role.ADMIN, Role.MEMBER, Role.VIEWER},
    "mia": set(),
    "vera": set(),
}


@pytest.mark.parametrize("by", MAY_GIVE)
@pytest.mark.parametrize("role", list(Role))
async def test_roles_are_given_by_those_who_may_and_taken_likewise(hub, by, role):
    if role in MAY_GIVE[by]:
        assert (await hub.teams.add("core", "otto", role, by)).role_of("otto") is role
    else:
        with pytest.raises(Invalid, match=r"^Only (adam, )?ann(, otto)? may"):
            await hub.teams.add("core", "otto", role, by)
        await hub.teams.add("core", "otto", role, "ann")
    if role in MAY_GIVE[by]:
        assert (await hub.teams.remove("core", "otto", by)).role_of("otto") is None
    else:
        with pytest.raises(Invalid, match=r"^Only (adam, )?ann(, otto)? may"):
            await hub.teams.remove("core", "otto", by)


async def test_an_admin_makes_no_owner_and_unmakes_none(hub):
    for change in (
        hub.teams.add("core", "adam", Role.OWNER, "adam"),
        hub.teams.add("core", "ann", Role.VIEWER, "adam"),
        hub.teams.remove("core", "ann", "adam"),
    ):
        with pytest.raises(Invalid, match=r"^Only ann may (make|remove)"):
            await change
    assert (await hub.teams.get("core", "ann")).role_of("ann") is Role.OWNER


async def test_everybody_may_leave_but_the_last_owner(hub):
    for user in ("vera", "mia", "adam"):
        await hub.teams.remove("core", user, user)
        assert await hub.teams.of(user) == []
    for change in (hub.teams.remove("core", "ann", "ann"), hub.teams.add("core", "ann", Role.ADMIN, "ann")):
        with pytest.raises(Invalid, match="last owner"):
            await change
    await hub.teams.add("core", "otto", Role.OWNER, "ann")
    await hub.teams.remove("core", "ann", "ann")
    assert list((await hub.teams.get("core", "otto")).members) == ["otto"]


async def test_the_same_role_again_writes_nothing_and_keeps_since_when(hub, world):
    before = await world.storage.get("teams", "core")
    await hub.teams.add("core", "mia", Role.MEMBER, "adam")
    assert await world.storage.get("teams", "core") == before


async def test_what_a_user_is_in_is_read_anew_each_time(world, hub):
    other = world.hub()
    assert len(await other.teams.of("mia")) == 1
    await hub.teams.remove("core", "mia", "ann")
    assert await other.teams.of("mia") == []


async def test_a_list_that_names_a_team_too_many_opens_nothing(world, hub):
    await world.storage.put("teams-of", "otto", {"teams": ["core", "gone"]})
    assert await hub.teams.of("otto") == []


async def test_a_team_has_at_most_so_many_members(world, hub):
    document = await world.storage.get("teams", "core")
    member = document.body["members"]["mia"]
    many = {f"u{n}": member for n in range(MOST_MEMBERS - 4)}
    body = {**document.body, "members": {**document.body["members"], **many}}
    await world.storage.put("teams", "core", body)
    with pytest.raises(Invalid, match="no more are taken"):
        await hub.teams.add("core", "otto", Role.VIEWER, "ann")
    assert (await hub.teams.add("core", "mia", Role.VIEWER, "ann")).role_of("mia") is Role.VIEWER


async def test_a_user_is_in_at_most_so_many_teams_and_those_that_ended_do_not_count(world, hub, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.domain.teams.membership.MOST_TEAMS", 3)
    for name in ("one", "two"):
        await hub.teams.create(name, "", "", "mia")
    with pytest.raises(Invalid, match="cannot be in more teams"):
        await hub.teams.create("three", "", "", "mia")
    with pytest.raises(NotFound):  # who is not in the team is not told that mia's are many
        await hub.teams.add("core", "mia", Role.VIEWER, "otto")
    await hub.teams.close("one", "mia")
    await hub.teams.create("three", "", "", "mia")
    assert {team.id for team in await hub.teams.of("mia")} == {"core", "two", "three"}
    assert (await world.storage.get("teams-of", "mia")).body == {"teams": ["core", "three", "two"]}


async def test_a_team_stands_until_it_is_closed_and_another_of_its_id_is_not_that_team(hub):
    team = await hub.teams.get("core", "ann")
    assert await hub.teams.stands(team)
    closed = await hub.teams.close("core", "ann")
    assert not await hub.teams.stands(team)
    await hub.teams.forget(closed)
    await hub.teams.create("core", "", "", "otto")
    assert not await hub.teams.stands(team) and await hub.teams.stands(await hub.teams.get("core", "otto"))
    await hub.teams.forget(closed)
    assert await hub.teams.get("core", "otto")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "create", "close"]),
        st.sampled_from(USERS),
        st.sampled_from(USERS),
        st.sampled_from(list(Role)),
    ),
    max_size=14,
)


async def taken(teams, step) -> None:
    what, user, by, role = step
    try:
        match what:
            case "add":
                await teams.add("core", user, role, by)
            case "remove":
                await teams.remove("core", user, by)
            case "create":
                await teams.create("core", "", "", by)
            case "close":
                await teams.forget(await teams.close("core", by))
    except PortError:
        pass


@given(STEPS, st.integers(0, 2**20), st.integers(1, 5))
@settings(deadline=None)
def test_however_changes_interleave_a_team_has_an_owner_and_each_list_says_what_the_team_says(steps, seed, at_once):
    async def run() -> None:
        world = World()
        hubs = [world.hub(seed + n) for n in range(3)]
        await core(hubs[0])
        for start in range(0, len(steps), at_once):
            some = enumerate(steps[start : start + at_once])
            await asyncio.gather(*(taken(hubs[n % 3].teams, step) for n, step in some))
        hub = world.hub()
        document = await world.storage.get("teams", "core")
        members = document.body["members"] if document else {}
        assert document is None or "owner" in {member["role"] for member in members.values()}
        for user in USERS:
            assert [team.id for team in await hub.teams.of(user)] == (["core"] if user in members else [])

    asyncio.run(run())


@given(st.integers(0, 2**20))
@settings(deadline=None)
def test_none_of_several_changes_at_once_is_lost(seed):
    async def run() -> None:
        world = World()
        hubs = [world.hub(seed + n) for n in range(6)]
        await core(hubs[0])
        for n in range(3):
            await hubs[0].teams.create(f"t{n}", "", "", "ann")
        at_once = [hub.teams.add("core", f"u{n}", Role.MEMBER, "ann") for n, hub in enumerate(hubs[:3])]
        at_once += [hub.teams.add(f"t{n}", "mia", Role.MEMBER, "ann") for n, hub in enumerate(hubs[3:])]
        await asyncio.gather(*at_once)
        hub = world.hub()
        assert {"u0", "u1", "u2"} < (await hub.teams.get("core", "ann")).members.keys()
        assert [team.id for team in await hub.teams.of("mia")] == ["core", "t0", "t1", "t2"]

    asyncio.run(run())


@given(st.integers(0, 2**20))
@settings(deadline=None)
def test_of_two_owners_that_leave_at_once_one_stays(seed):
    async def run() -> None:
        world = World()
        one, two = world.hub(seed), world.hub(seed + 1)
        await core(one)
        await one.teams.add("core", "mia", Role.OWNER, "ann")
        leaving = (one.teams.remove("core", "ann", "ann"), two.teams.remove("core", "mia", "mia"))
        results = await asyncio.gather(*leaving, return_exceptions=True)
        assert [type(one) for one in results if isinstance(one, Exception)] == [Invalid]

    asyncio.run(run())


@given(st.integers(0, 2**20), st.lists(st.booleans(), min_size=2, max_size=5))
@settings(deadline=None, max_examples=100)
def test_a_list_says_what_the_team_says_however_often_somebody_comes_and_goes(seed, steps):
    async def run() -> None:
        world = World()
        hubs = [world.hub(seed + n) for n in range(len(steps))]
        await core(hubs[0])
        changes = zip(hubs, steps, strict=True)
        await asyncio.gather(
            *(taken(hub.teams, ("add" if comes else "remove", "otto", "ann", Role.VIEWER)) for hub, comes in changes)
        )
        document = await world.storage.get("teams-of", "otto")
        listed = document.body["teams"] if document else []
        assert ("core" in listed) == ("otto" in (await hubs[0].teams.get("core", "ann")).members)

    asyncio.run(run())


@given(st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(USERS), st.sampled_from(list(Role))), max_size=10))
def test_nobody_gains_by_their_own_word(steps):
    """Whoever is not an owner never becomes one, nor makes one, whatever they try, as long as no owner helps."""

    async def run() -> None:
        hub = World().hub()
        await core(hub)
        for user, by, role in steps:
            if by != "ann":
                await taken(hub.teams, ("add", user, by, role))
                await taken(hub.teams, ("remove", user, by, role))
        team = await hub.teams.get("core", "ann")
        assert [user for user, one in team.members.items() if one.role is Role.OWNER] == ["ann"]

    asyncio.run(run())
