"""The page on serverless sessions is true: its commands run, in their order, against a Redis that really runs."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp.backends import place
from session_mgmt_mcp.credentials import Secret
from session_mgmt_mcp.domain.serverless import CLEARED_AFTER, MOST_BYTES, MOST_HOURS
from session_mgmt_mcp.serverless import _CONNECTION, _SECRETS
from session_mgmt_mcp.settings import Settings, load, user_file

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "serverless.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"


def run(*words):
    return subprocess.run([PROGRAM, *words], check=False, capture_output=True, text=True, timeout=100)


@pytest.fixture
def hub(tmp_path, monkeypatch, redis):
    monkeypatch.setenv("SESSION_MGMT_REDIS_PASSWORD", redis.password)
    monkeypatch.setenv("SESSION_MGMT_REDIS_NAMESPACE", "docs")
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.chdir(tmp_path)
    yield redis
    run("hub", "stop")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_each_command_of_the_page_does_what_the_page_says(hub):
    assert len(COMMANDS) == 10
    answers, id = [], "ID"
    for command in COMMANDS:
        words = shlex.split(command.replace("redis://127.0.0.1:6379/0", hub.url).replace("=ID", f"={id}"))
        done = run(*words[1:], "--json")
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert hub.password not in done.stdout + done.stderr
        answers.append(json.loads(done.stdout))
        id = answers[-1].get("session", {}).get("id", id)
        if len(answers) == 1:
            assert not user_file().exists()
    found = json.loads(run("doctor", "--json").stdout)["checks"]
    assert "ms away" in next(one["advice"] for one in found if one["name"] == "shared documents")
    run("hub", "stop")
    found = json.loads(run("doctor", "--json").stdout)["checks"]
    assert "next session" in next(one["advice"] for one in found if one["name"] == "shared documents")
    only_tested, switched, tested, health, made, listed, updated, got, deleted, cleared = answers
    assert only_tested["test"]["ok"] and not only_tested["switched"]
    assert switched["switched"] and hub.url in user_file().read_text() and hub.password not in user_file().read_text()
    assert {one["backend"]: one["ok"] for one in tested["backends"]} == {"redis": True, "local": True}
    assert next(one for one in health["checks"] if one["name"] == "shared documents")["state"] == "ok"
    assert [one["id"] for one in listed["sessions"]] == [made["session"]["id"]] == [updated["session"]["id"]]
    assert got["data"] == {"step": "done"} and deleted["deleted"] == 1 and cleared["deleted"] == 0


def test_the_page_names_every_secret_setting_and_figure():
    rows = re.findall(r"^\| .*? \| `(SESSION_MGMT_\w+)` \| `([a-z0-9-]+)` \|$", PAGE, re.MULTILINE)
    assert rows == [(secret.variable, str(secret)) for secret in Secret if secret.startswith(("redis", "s3"))]
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {name for names in _CONNECTION.values() for name in names} | {"session_storage", "user_id"} <= named
    assert named & {name for name in Settings.model_fields if name.startswith("s3")} == set(_CONNECTION["s3"])
    assert (
        "redis_password" in _SECRETS and MOST_BYTES == 64 * 1024 and MOST_HOURS == 366 * 24 and CLEARED_AFTER.days == 1
    )
    assert place("own", load(user_id="<user>"))[0] == "own" and place("shared", load()) == ("shared",)
