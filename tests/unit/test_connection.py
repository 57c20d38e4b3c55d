import asyncio
import os

from session_mgmt_mcp import connection
from session_mgmt_mcp.connection import Connection


async def test_a_task_sees_the_connection_it_was_started_in():
    async def folder():
        await asyncio.sleep(0)
        return connection.current().folder

    with connection.entered(Connection(project_dir="/a")):
        one = asyncio.create_task(folder())
    with connection.entered(Connection(cwd="/b")):
        other = asyncio.create_task(folder())
    assert await asyncio.gather(one, other) == ["/a", "/b"]


def test_outside_of_any_connection_it_is_this_process(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "s")
    here = connection.current()
    assert (here.cwd, here.session_id, here.client_pid) == (str(tmp_path), "s", os.getppid())


def test_a_hello_with_wrong_types_says_nothing():
    told = connection.of_hello({"cwd": 5, "project_dir": None, "session_id": ["x"], "client_pid": "1"})
    assert told == Connection(version="0")
