import asyncio
import contextlib
import os

import pytest
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


@pytest.mark.parametrize("id", ["a/b", "../x", ".", "two words", "a\nb", "x" * 201, "\ud800"])
def test_a_session_that_cannot_be_recorded_counts_as_not_said(monkeypatch, id):
    assert connection.of_hello({"session_id": id}).session_id == ""
    with contextlib.suppress(UnicodeEncodeError):
        monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", id)
        assert connection.current().session_id == ""


@pytest.mark.parametrize("pid", [-1, 2**31, 2**70])
def test_a_process_id_that_none_can_have_counts_as_not_said(pid):
    assert connection.of_hello({"client_pid": pid}).client_pid == 0
