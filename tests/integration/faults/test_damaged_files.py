"""Each file that is read beside the database, damaged: said, kept, and gone round."""

import os
import re
import shutil
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp import connection, doctor, election, machine, paths, spool
from session_mgmt_mcp.adapters import onnx
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load


def checked(name):
    [check] = [check for check in doctor.examine()["checks"] if check["name"] == name]
    return check["state"], check["advice"]


def data():
    folder = paths.data_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00", b"[1]"])
def test_an_event_of_a_hook_is_kept_and_named(content):
    spool.leave(str(data()), {"n": 1})
    folder = paths.spool(data())
    (folder / "0-1.json").write_bytes(content)
    seen = []
    assert spool.drain(str(data()), seen.append) == (1, 1)
    assert (folder / "bad" / "0-1.json").read_bytes() == content
    state, advice = checked("spool")
    assert state == "warn"
    assert advice == f"Hook events that could not be used are in {folder}/bad (1): look and remove."


def test_the_name_of_the_machine_is_kept_and_made_anew(caplog):
    name = machine.identity(data())
    paths.machine(data()).write_bytes(b"\xff\x00no")
    again = machine.identity(data())
    assert re.fullmatch("[0-9a-f]{16}", again) and again != name
    [aside] = data().glob("machine.damaged-*")
    assert aside.read_bytes() == b"\xff\x00no"
    assert "this machine has a new name among yours" in caplog.text
    assert machine.identity(data()) == again


def test_who_holds_the_lock_is_unknown_and_the_next_hub_says_it_anew():
    (data() / "hub.lock").write_bytes(b"\xff{garbage")
    assert election.announced(str(data())) == {}
    lock = election.take(str(data()))
    election.announce(lock, state="serving")
    assert election.announced(str(data()))["state"] == "serving"
    os.close(lock)


@pytest.mark.parametrize(
    "content",
    [
        b"garbage!" * 512,
        pytest.param(b"", marks=pytest.mark.slow),
        pytest.param(None, marks=pytest.mark.slow),
    ],
    ids=["garbage", "no bytes", "gone"],
)
async def test_without_a_model_it_searches_by_word_says_so_and_leaves_the_file(tmp_path, shop, content):
    model = tmp_path / "model.onnx"
    if content is not None:
        model.write_bytes(content)
    shutil.copyfile(Path(onnx.__file__).with_name("tokenizer.json"), tmp_path / "tokenizer.json")
    caller = connection.Connection(cwd=str(shop), project_dir=str(shop), session_id="s1")
    async with open_application(load(vector_store="memory", session_storage="memory", model_path=str(model))) as app:
        with connection.entered(caller):
            async with Client(build_server(app)) as client:
                await client.call_tool("store_reflection", {"content": "the lantern is blue"})
                await app.embedding.wait_idle()
                found = (
                    await client.call_tool("reflect_on_past", {"query": "lantern", "min_score": 0})
                ).structured_content
                assert [hit["snippet"] for hit in found["hits"]] == ["the lantern is blue"]
                checks = (await client.call_tool("health_check", {})).structured_content["checks"]
    [vectors] = [check for check in checks if check["name"] == "vectors"]
    assert vectors["state"] == "warn"
    assert vectors["advice"].startswith(f"Search works by word only: The file {model}")
    assert (model.read_bytes() if model.exists() else None) == content
