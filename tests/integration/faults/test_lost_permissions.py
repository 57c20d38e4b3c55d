"""What was writable is not any more: said where it matters, and mended as soon as the rights are back."""

import stat
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import REAL_SHIM, obeying

MODEST_SHIM = obeying(REAL_SHIM)
REFUSED_SECONDS = 2.1
pytestmark = pytest.mark.slow


@pytest.fixture
def product(world, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    return world


@contextmanager
def forbidden(folder):
    """Nothing in it or below may be written."""
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    for path in reversed(before):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)
    time.sleep(REFUSED_SECONDS)


def refusal(client):
    return client.answer(client.send("tools/list"))["error"]["message"]


def run(*arguments, said=b""):
    return subprocess.run([*MODEST_SHIM, *arguments], input=said, capture_output=True, check=False, timeout=60)


def remembers(client, *texts):
    hits = client.call("reflect_on_past", query="lantern", min_score=0)["hits"]
    return sorted(hit["snippet"] for hit in hits) == sorted(texts)


def test_a_data_directory_that_may_not_be_written_is_said_and_read_and_used_again(product):
    client = product.client(command=MODEST_SHIM)
    client.call("store_reflection", content="the lantern is blue")
    client.call("create_natural_reminder", title="first", time_expression="in 1 hour")
    with forbidden(product.data):
        asked = client.start_call("create_natural_reminder", title="second", time_expression="in 1 hour")
        said = client.answer(asked)["result"]["content"][0]["text"]
        assert said.endswith(
            "cannot be opened or written: change its owner or permissions, or choose another data directory."
        )
        assert remembers(client, "the lantern is blue")
        assert len(client.call("list_user_reminders")["reminders"]) == 1
        product.kill_hub()
        assert refusal(client) == (
            f"The data directory {product.data} cannot be used ({product.data}/hub.lock: Permission denied): "
            "make it writable, or set SESSION_MGMT_DATA_DIR."
        )
        done = run("hook", "Stop", said=b"{}")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert b"cannot be written: change its owner or permissions." in run("doctor").stdout
    assert remembers(client, "the lantern is blue")
    client.call("create_natural_reminder", title="second", time_expression="in 1 hour")
    assert len(client.call("list_user_reminders")["reminders"]) == 2


def test_a_log_that_may_not_be_written_costs_nothing_but_the_log(product, monkeypatch, tmp_path):
    logs = tmp_path / "logs"
    monkeypatch.setenv("SESSION_MGMT_LOG_DIR", str(logs))
    client = product.client(command=MODEST_SHIM)
    client.call("store_reflection", content="the lantern is blue")
    with forbidden(logs):
        product.kill_hub()
        client.call("store_reflection", content="the lantern is red")
        assert remembers(client, "the lantern is blue", "the lantern is red")


def test_a_folder_for_sockets_that_may_not_be_written_is_named(product):
    client = product.client(command=MODEST_SHIM)
    client.call("store_reflection", content="the lantern is blue")
    socket = Path(product.announced()["socket"])
    socket.parent.chmod(0o500)
    product.kill_hub()
    assert refusal(client) == f"The hub cannot start ({socket}: Permission denied): mend that and try again."
    socket.parent.chmod(0o700)
    time.sleep(REFUSED_SECONDS)
    assert remembers(client, "the lantern is blue")


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (b"search_limit = 3\n", 0o000, "cannot be read (Permission denied): make it readable or remove it."),
        (b"search_limit = \n", 0o600, "mend or remove it."),
        (b"timezone = '\xff'\n", 0o600, "is not UTF-8 text: mend or remove it."),
        (b"search_limit = 'many'\n", 0o600, "see docs/configuration.md."),
    ],
    ids=["unreadable", "no TOML", "no text", "wrong"],
)
def test_settings_that_cannot_be_used_stop_the_start_with_one_sentence(product, content, mode, sentence):
    client = product.client(command=MODEST_SHIM)
    client.call("store_reflection", content="the lantern is blue")
    settings = product.data / "settings.toml"
    settings.write_bytes(content)
    settings.chmod(mode)
    assert remembers(client, "the lantern is blue"), "a hub that runs keeps its own"
    product.kill_hub()
    said = refusal(client)
    assert said.endswith(sentence)
    [named] = [line for line in run("doctor").stdout.decode().splitlines() if line.startswith("fail settings")]
    assert named.split(maxsplit=2)[2] == said
    settings.chmod(0o600)
    assert settings.read_bytes() == content
    settings.write_text("search_limit = 3\n")
    time.sleep(REFUSED_SECONDS)
    assert remembers(client, "the lantern is blue")
