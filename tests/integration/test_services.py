"""The servers that tests start: what they promise to the tests that use them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.services import free_ports, redis_server, s3_server

STARTS = """
import sys, time
from tests.services import llama_server, redis_server, s3_server
with {"llama": llama_server, "redis": redis_server, "s3": s3_server}[sys.argv[1]]() as (_, program):
    print(program.running.pid, program.log.parent, flush=True)
    time.sleep(60)
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is dead")
@pytest.mark.parametrize("name", ["llama", "redis", pytest.param("s3", marks=pytest.mark.slow)])
def test_a_server_dies_with_the_tests_that_started_it(name):
    folder = Path(__file__).parents[2]
    tests = subprocess.Popen([sys.executable, "-c", STARTS, name], stdout=subprocess.PIPE, cwd=folder)
    pid, left = tests.stdout.readline().decode().split()
    server = int(pid)
    assert alive(server)
    os.kill(tests.pid, signal.SIGKILL)
    tests.communicate()
    until = time.monotonic() + 10
    while alive(server):
        assert time.monotonic() < until
        time.sleep(0.01)
    shutil.rmtree(left)


def test_ports_are_free_and_several():
    assert len(set(free_ports(20))) == 20


def test_what_was_acknowledged_is_there_after_a_kill():
    with redis_server() as (server, program):
        from redis import Redis

        client = Redis.from_url(server.url, password=server.password)
        client.set("a", "1")
        client.close()
        program.kill()
        program.start()
        assert client.get("a") == b"1"
        client.close()


@pytest.mark.slow
def test_objects_are_there_after_a_kill():
    with s3_server() as (server, program):
        from obstore.store import S3Store

        where = {"endpoint": server.endpoint, "client_options": {"allow_http": True}, "region": server.region}
        keys = {"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}
        store = S3Store(server.bucket, **where, **keys)
        store.put("a/b", b"1")
        program.kill()
        program.start()
        assert store.get("a/b").bytes() == b"1"


def test_fixtures_are_real_servers(redis, s3):
    assert redis.url.startswith("redis://127.0.0.1:") and redis.password not in redis.url
    assert s3.endpoint.startswith("http://127.0.0.1:") and s3.bucket
