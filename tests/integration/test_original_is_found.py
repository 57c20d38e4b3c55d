"""A user of the original product opens this one: what was stored is found in its project, without its secrets."""

import duckdb
import pytest
from session_mgmt_mcp import paths
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.connection import Connection, entered
from session_mgmt_mcp.recall import Question, search
from session_mgmt_mcp.settings import load


@pytest.fixture
def original() -> None:
    file = paths.database(load().data_dir)
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as raw:
        raw.execute(
            "create table conversations(id varchar, content varchar, embedding float[384], project varchar, "
            "timestamp timestamp, metadata json)"
        )
        raw.execute(
            "create table reflections(id varchar, content varchar, embedding float[384], tags varchar[], "
            "timestamp timestamp, metadata json)"
        )
        raw.execute("insert into conversations values ('c', 'the proxy port is 8081', null, 'shop', now(), '{}')")


async def test_what_the_original_stored_is_found_where_it_belongs(original, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "blog").mkdir()
    async with open_application(load(embedder="memory")) as app:
        with entered(Connection(cwd=str(tmp_path / "shop"))):
            hits = (await search(app, Question("proxy port"))).hits
            assert [hit.record.text for hit in hits] == ["the proxy port is 8081"]
        with entered(Connection(cwd=str(tmp_path / "blog"))):
            assert not (await search(app, Question("proxy port"))).hits
    assert list(load().data_dir.glob("*.original-*"))
