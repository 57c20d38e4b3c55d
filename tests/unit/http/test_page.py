"""The page on HTTP is true: its commands are understood, its figures are the code's."""

import json
import re
import shlex
from pathlib import Path

import pytest
from session_mgmt_mcp import asking, cli, serving
from session_mgmt_mcp.domain.access_tokens import PREFIX
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.http.gate import PATH, PROJECT_HEADER
from session_mgmt_mcp.http.limits import Limits

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "http.md").read_text()
COMMANDS = re.findall(r"^session-mgmt-mcp .*$|(?<=`)session-mgmt-mcp [^`]+(?=`)", PAGE, re.MULTILINE)


@pytest.fixture
def asked(monkeypatch):
    """What the command line asked for."""
    found = []
    made = {"token": "t", "user": "ann", "role": "owner", "expires": None, "id": "1", "tokens": []}
    monkeypatch.setattr(asking, "ask", lambda verb, args: found.append((verb, dict(args))) or made)
    monkeypatch.setattr(serving, "run", lambda given, *_: found.append(("serve", given)) or 0)
    return found


def test_the_page_has_commands():
    assert len(COMMANDS) == 7


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_understood(command, asked):
    assert cli.main(shlex.split(command)[1:]) == 0
    assert asked


def test_what_the_commands_do_is_what_the_page_says(asked):
    for command in COMMANDS:
        cli.main(shlex.split(command)[1:])
    served = [given for verb, given in asked if verb == "serve"]
    assert (served[0].host, served[0].port, served[0].grace) == ("127.0.0.1", 8737, 10)
    assert (served[1].host, served[1].allow_host, served[1].expose) == ("0.0.0.0", ("memory.example.org",), True)
    created = [given for verb, given in asked if verb == "token.create"]
    assert [(one["role"], one["expires"]) for one in created] == [("owner", "90d"), ("member", "90d"), ("owner", "12h")]


def test_the_figures_are_those_of_the_code():
    limits = Limits()
    assert f"{limits.failure_burst} wrong ones at once, then one in {1 / limits.failure_rate:g} seconds" in PAGE
    assert f"{limits.burst} requests at once, then {limits.rate:g} a second" in PAGE
    assert f"more than {limits.requests_per_token} requests at once with a token; {limits.requests} of all" in PAGE
    assert f"over {limits.body_bytes:,} bytes, or that takes over {limits.body_seconds:g} seconds" in PAGE
    assert f"more than {limits.headers} headers, or {limits.header_bytes:,} bytes" in PAGE
    assert f"over {limits.header_seconds:g} seconds for its headers" in PAGE
    assert f"streams it holds end within {limits.stream_check_seconds:g} seconds" in PAGE
    assert f"`{PREFIX}`" in PAGE
    assert all(f"| `{role}` |" in PAGE for role in Role)
    assert PROJECT_HEADER.decode() in PAGE.lower()
    assert f"127.0.0.1:{cli.PORT}{PATH}" in PAGE


def test_serve_without_a_way_says_which(capsys):
    assert cli.main(["serve"]) == 2
    assert "--http" in capsys.readouterr().err


def test_a_token_is_printed_alone_and_its_story_beside_it(asked, capsys):
    assert cli.main(["token", "create", "ann"]) == 0
    said = capsys.readouterr()
    assert said.out == "t\n"
    assert "only time" in said.err
    assert cli.main(["token", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"] == []


def test_the_same_command_line_comes_back_after_an_upgrade(asked):
    words = ["serve", "--http", "--host", "::1", "--port", "1", "--allow-host", "a", "--allow-host", "b"]
    words += [
        "--allow-origin",
        "https://c",
        "--tls-cert",
        "d",
        "--tls-key",
        "e",
        "--expose",
        "--grace",
        "3.0",
        "--json",
    ]
    cli.main(words)
    given = asked.pop()[1]
    cli.main(given.again(7))
    again = asked.pop()[1]
    assert again.port == 7
    assert again.again(1) == given.again(1)
