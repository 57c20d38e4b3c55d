"""Two machines of one person over one Redis: what is of a machine stays its own, and the rest is of both."""

import asyncio
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from session_mgmt_mcp import connection, opening
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.monitors import Monitor
from session_mgmt_mcp.domain.reminder import Method
from session_mgmt_mcp.domain.reminders import Wish
from session_mgmt_mcp.domain.sessions import SESSIONS, Opening, Reason, State
from session_mgmt_mcp.lifecycle import Lifecycle
from session_mgmt_mcp.machine import identity
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.settings import load

from tests.services import redis_server

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(redis, tmp_path, monkeypatch):
    """`async with machine("laptop") as app`: the product there, with a data directory of its own and the same Redis."""
    monkeypatch.setenv("SESSION_MGMT_REDIS_PASSWORD", redis.password)
    namespace = f"t{time.time_ns()}"

    @asynccontextmanager
    async def on(name):
        settings = load(
            data_dir=tmp_path / name,
            session_storage="redis",
            shared_storage="redis",
            redis_url=redis.url,
            redis_namespace=namespace,
            user_id="ann",
            vector_store="memory",
            embedder="memory",
        )
        async with open_application(settings) as app:
            yield app

    return on


@pytest.fixture
def client():
    """A client's process."""
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield running
    running.kill()
    running.wait()


async def until(is_so):
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.02)


async def test_neither_ends_the_sessions_of_the_other(machine, shop, client, monkeypatch):
    async with machine("laptop") as laptop, machine("server") as server:
        monkeypatch.setattr(server.sessions, "_birth", lambda pid: "")  # nothing of the laptop's runs there
        await laptop.sessions.open(Opening("of-laptop", str(shop), client_pid=client.pid))
        await server.sessions.open(Opening("of-server", str(shop)))
        for app in (laptop, server):
            await Lifecycle(app)._sweep()
        assert [one.id for one in await laptop.sessions.opened()] == ["of-laptop"]
        assert [one.id for one in await server.sessions.opened()] == ["of-server"]
        found = {one.id: one.body for one in (await laptop.storage.list(SESSIONS)).documents}
        assert {one["state"] for one in found.values()} == {"open"}
        assert {one["machine"] for one in found.values()} == {
            identity(app.settings.data_dir) for app in (laptop, server)
        }

        client.kill()
        client.wait()
        await Lifecycle(server)._sweep()
        assert (await laptop.sessions.get("of-laptop")).state is State.OPEN
        await Lifecycle(laptop)._sweep()
        assert (await server.sessions.get("of-laptop")).reason == Reason.LOST
        assert (await server.sessions.get("of-server")).state is State.OPEN


async def test_a_machine_that_starts_again_finds_its_own_alone(machine, shop, client, monkeypatch):
    async with machine("laptop") as laptop:
        await laptop.sessions.open(Opening("of-laptop", str(shop), client_pid=client.pid))
    async with machine("server") as server:
        await server.sessions.open(Opening("of-server", str(shop)))
        assert [one.id for one in await server.sessions.opened()] == ["of-server"]
        assert (await server.sessions.get("of-laptop")).state is State.OPEN
    async with machine("laptop") as laptop:
        assert [one.id for one in await laptop.sessions.opened()] == ["of-laptop"]


async def test_a_session_that_goes_on_elsewhere_is_of_that_machine(machine, shop):
    async with machine("laptop") as laptop, machine("server") as server:
        await laptop.sessions.open(Opening("s1", str(shop)))
        moved = await server.sessions.open(Opening("s1", str(shop), "resume"))
        assert moved.machine == server.sessions.machine != laptop.sessions.machine
        assert [one.id for one in await server.sessions.opened()] == ["s1"]


async def test_clients_that_tell_no_session_are_two_though_their_processes_have_one_number(machine, shop):
    from session_mgmt_mcp import current

    caller = replace(connection.of_this_process(), session_id="", cwd=str(shop), project_dir=str(shop))
    async with machine("laptop") as laptop, machine("server") as server:
        with connection.entered(caller):
            one, other = await current.session_of(laptop, shop), await current.session_of(server, shop)
        assert one.id != other.id


async def everything_in(server):
    """Names of the keys that a Redis has."""
    from redis.asyncio import Redis

    async with Redis.from_url(server.url, password=server.password) as asking:
        async for key in asking.scan_iter():
            yield key.decode()


async def test_what_is_watched_or_allowed_on_one_is_not_on_the_other(machine, shop, redis):
    async with machine("laptop") as laptop, machine("server") as server:
        monitor = Monitor("interruption", "shop", str(shop), laptop.activity.now())
        await laptop.activity._monitors.put(monitor)
        await laptop.grants.trust(Operation.GIT_COMMIT, "*", "ann")
        assert await server.activity._monitors.all("interruption") == []
        assert await server.grants.of("shop") == []
        assert len(await laptop.activity._monitors.all("interruption")) == len(await laptop.grants.of("shop")) == 1
        kept = {name async for name in everything_in(redis)}
        assert not any("grants" in name or "monitors" in name for name in kept), "nor can anybody write it there"


async def test_a_reminder_is_of_both_and_told_once(machine, shop):
    async with machine("laptop") as laptop, machine("server") as server:
        wish = Wish("Call Bob", "in 1 second", "shop", method=Method.BOTH)
        made = await laptop.reminders.create(wish)
        await asyncio.sleep(1.1)
        handovers = await asyncio.gather(*(app.reminders.hand_over("shop") for app in (server, laptop)))
        taken = [one for handover in handovers for one in handover.reminders]
        assert [one.id for one in taken] == [made.id]
        assert await laptop.reminders.is_on() is True, "its desktop is to show it"
        assert await server.reminders.is_on() is None, "nobody has asked for that on the server"


async def test_a_hub_starts_while_redis_is_away_and_works_with_it_once_it_is_back(shop, monkeypatch, tmp_path):
    monkeypatch.setattr("session_mgmt_mcp.deferred.FIRST_LOOK_SECONDS", 0.05)
    monkeypatch.setattr("session_mgmt_mcp.deferred.LONGEST_LOOK_SECONDS", 0.2)
    with redis_server() as (server, program):
        for name, value in {
            "SESSION_STORAGE": "redis",
            "SHARED_STORAGE": "redis",
            "REDIS_URL": server.url,
            "REDIS_PASSWORD": server.password,
            "EMBEDDER": "memory",
        }.items():
            monkeypatch.setenv(f"SESSION_MGMT_{name}", value)
        async with open_application(load()) as app:
            await app.activity.start([shop], "ann")
        program.kill()
        async with opening.open_service() as service:
            caller = connection.Connection(cwd=str(shop), project_dir=str(shop), session_id="s1")
            with connection.entered(caller):
                async with Client(service.server) as asking:
                    said = "The cache must be reset after a schema change."
                    await asking.call_tool("store_reflection", {"content": said})
                    began = time.monotonic()
                    found = await asking.call_tool("reflect_on_past", {"query": "reset the cache"})
                    assert found.structured_content["hits"] and time.monotonic() - began < 2
                    await until(service.is_busy)  # with what was watched before
                    program.start()
                    states = set()
                    async with asyncio.timeout(20):
                        while states != {"ok"}:  # each of the two is looked for by itself
                            with suppress(ToolError):
                                status = (await asking.call_tool("status", {})).structured_content
                                states = {one["state"] for one in status["checks"] if "documents" in one["name"]}
                            await asyncio.sleep(0.05)
                    await asking.call_tool("create_serverless_session", {"session_data": {}, "project_id": "shop"})


async def test_the_name_of_a_machine_is_kept_and_one_cut_short_is_made_anew(tmp_path):
    data = tmp_path / "data"
    made = identity(data)
    assert identity(data) == made and len(made) == 16
    (data / "machine").write_text("12")
    assert identity(data) not in (made, "12") and identity(data) == identity(data)
    assert (data / "machine").stat().st_mode & 0o077 == 0
    (tmp_path / "file").touch()
    assert identity(tmp_path / "file" / "data") == ""


async def test_the_first_word_that_redis_is_away_is_a_sentence(tmp_path):
    settings = load(data_dir=tmp_path / "data", session_storage="redis", redis_url="redis://127.0.0.1:1/0")
    async with open_application(settings.model_copy(update={"vector_store": "memory", "embedder": "memory"})) as app:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1") as caught:
            await app.storage.get("a", "b")
        assert "\n" not in str(caught.value)
