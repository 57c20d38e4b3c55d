"""What bounds callers is bounded itself, and a slow client holds nothing for long."""

import asyncio
import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.http.limits import Buckets, Limits, Recent, neighbourhood
from session_mgmt_mcp.http.names import Names, bare, origin
from session_mgmt_mcp.ports.errors import Invalid


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_caller_gets_more_than_burst_and_rate(pauses):
    now = 0.0
    buckets = Buckets(rate=2, burst=3, clock=lambda: now)
    served = 0
    for pause in pauses:
        now += pause
        wait = buckets.take("a")
        served += wait == 0
        assert wait <= 0.5
    assert served <= 3 + 2 * now + 1e-6


def test_after_the_wait_that_was_named_there_is_one_left():
    now = 0.0
    buckets = Buckets(rate=0.2, burst=1, clock=lambda: now)
    assert buckets.take("a") == 0
    wait = buckets.wait("a")
    assert buckets.take("a") == wait == 5
    now += wait
    assert buckets.take("a") == 0


def test_buckets_and_names_of_strangers_fill_no_memory():
    buckets, recent = Buckets(1, 1, most=100), Recent(most=100)
    for number in range(1_000):
        buckets.take(str(number))
        recent.add(str(number))
    assert len(buckets) == 100
    assert "999" in recent
    assert "0" not in recent


def test_a_subscriber_of_ipv6_is_one_address():
    assert neighbourhood("2001:db8:0:1::1") == neighbourhood("2001:db8:0:1:ffff::2") != neighbourhood("2001:db8:0:2::1")
    assert neighbourhood("::ffff:192.0.2.1") == neighbourhood("192.0.2.1") == "192.0.2.1"
    assert neighbourhood("fe80::1%eth0") == "fe80::/64"
    assert neighbourhood("") == ""


@given(st.text(max_size=30))
def test_any_text_may_come_as_a_name_or_an_origin(text):
    bare(text)
    origin(text)


@pytest.mark.parametrize("host", ["*", "*.example.org", "a b", "https://a", ""])
def test_names_that_would_allow_anything_are_no_names(host):
    with pytest.raises(Invalid, match="--allow-host"):
        Names.of([host])


@pytest.mark.parametrize("page", ["*", "null", "app.example.org", "https://app.example.org/path", ""])
def test_origins_are_whole_or_refused(page):
    with pytest.raises(Invalid, match="--allow-origin"):
        Names.of([], [page])


async def read_until_closed(reader) -> bytes:
    return await asyncio.wait_for(reader.read(), 10)


def address(served):
    return served.http.base_url.host, served.http.base_url.port


async def test_who_never_finishes_the_headers_is_hung_up_on(served_over_http):
    async with served_over_http(Limits(header_seconds=0.3)) as served:
        reader, writer = await asyncio.open_connection(*address(served))
        began = time.monotonic()
        for line in (b"POST /mcp HTTP/1.1\r\n", b"Host: localhost\r\n"):
            writer.write(line)
            await asyncio.sleep(0.1)
        with contextlib.suppress(ConnectionResetError):
            assert await read_until_closed(reader) == b""
        assert time.monotonic() - began < 3
        writer.close()


async def test_who_connects_and_says_nothing_is_hung_up_on(served_over_http):
    async with served_over_http(Limits(header_seconds=0.2)) as served:
        reader, writer = await asyncio.open_connection(*address(served))
        with contextlib.suppress(ConnectionResetError):
            assert await read_until_closed(reader) == b""
        writer.close()


async def test_a_request_that_takes_longer_than_its_headers_may_goes_on(served_over_http):
    def add(server):
        @server.tool
        async def slow() -> str:
            await asyncio.sleep(0.5)
            return "done"

    async with served_over_http(Limits(header_seconds=0.2, body_seconds=0.2, write_seconds=0.2), owner=add) as served:
        caller = await served.caller("ann", Role.OWNER)
        assert (await caller.call("slow"))["structuredContent"] == {"result": "done"}


async def test_who_trickles_a_body_is_told_and_hung_up_on(served_over_http):
    async with served_over_http(Limits(body_seconds=0.3)) as served:
        member = await served.caller("bob")
        reader, writer = await asyncio.open_connection(*address(served))
        head = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: {member.headers['authorization']}\r\nContent-Length: 100\r\n\r\n"
        writer.write(head.encode() + b"{")
        answer = await read_until_closed(reader)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()
        writer.close()


async def test_who_trickles_a_body_without_a_token_is_not_waited_for(served_over_http):
    async with served_over_http(Limits(body_seconds=60)) as served:
        reader, writer = await asyncio.open_connection(*address(served))
        writer.write(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        answer = await read_until_closed(reader)
        assert answer.startswith(b"HTTP/1.1 401 ")
        writer.close()


async def test_beyond_so_many_connections_newcomers_are_hung_up_on(served_over_http):
    async with served_over_http(Limits(connections=3)) as served:
        open_ones = [await asyncio.open_connection(*address(served)) for _ in range(3)]
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection(*address(served))
        with contextlib.suppress(ConnectionResetError):
            assert await read_until_closed(reader) == b""
        for _, one in [*open_ones, (reader, writer)]:
            one.close()
        await asyncio.sleep(0.05)
        assert (await served.http.get("/mcp")).status_code == 401


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000,
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n",
    ],
)
async def test_what_is_too_long_or_no_http_is_refused_in_a_sentence(served, request_):
    reader, writer = await asyncio.open_connection(*address(served))
    writer.write(request_)
    answer = await read_until_closed(reader)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert b"\nserver:" not in head.lower()
    assert json.loads(body)["error"]["message"]
    writer.close()


async def open_stream(caller):
    headers = {**caller.headers, **caller.session, "accept": "text/event-stream"}
    return caller.http.stream("GET", "/mcp", headers=headers)


async def test_a_stream_ends_when_its_token_is_revoked(served_over_http):
    async with served_over_http(Limits(stream_check_seconds=0.1)) as served:
        caller = await served.caller("ann", Role.OWNER)
        await caller.shake_hands()
        async with await open_stream(caller) as stream:
            assert stream.status_code == 200
            await served.app.tokens.revoke(caller.headers["authorization"].split("_")[1])
            async with asyncio.timeout(5):
                async for _ in stream.aiter_bytes():
                    pass


async def test_leaving_ends_streams_lets_calls_finish_and_takes_no_new_ones(served_over_http):
    started, release = asyncio.Event(), asyncio.Event()

    def add(server):
        @server.tool
        async def wait() -> str:
            started.set()
            await release.wait()
            return "done"

    async with served_over_http(owner=add) as served:
        caller = await served.caller("ann", Role.OWNER)
        await caller.shake_hands()
        async with await open_stream(caller) as stream:
            calling = asyncio.create_task(caller.call("wait", era="shaken"))
            await started.wait()
            closing = asyncio.create_task(served.door.close(5))
            async with asyncio.timeout(3):
                async for _ in stream.aiter_bytes():
                    pass
            assert not calling.done()
            release.set()
            assert (await calling)["structuredContent"] == {"result": "done"}
            await closing
        with pytest.raises(OSError):
            await asyncio.open_connection(*address(served))


async def test_what_does_not_finish_in_time_is_cut_off_with_a_sentence(served_over_http):
    started = asyncio.Event()

    def add(server):
        @server.tool
        async def wait() -> str:
            started.set()
            await asyncio.sleep(60)
            return "done"

    async with served_over_http(owner=add) as served:
        caller = await served.caller("ann", Role.OWNER)
        calling = asyncio.create_task(caller.modern("tools/call", name="wait", arguments={}))
        await started.wait()
        began = time.monotonic()
        await served.door.close(0.2)
        assert time.monotonic() - began < 3
        response = await calling
        assert response.status_code == 503
        assert "stopping" in response.json()["error"]["message"]
