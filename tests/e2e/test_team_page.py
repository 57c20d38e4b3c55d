"""Every command of the page that takes one laptop to a team, run as it stands there."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from tests.services import free_ports, redis_server

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "team.md").read_text()
BLOCKS = re.findall(r"```sh (\w+)\n(.*?)```", PAGE, re.DOTALL)
PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]


@dataclass
class Laptop:
    """Somebody's home, and what they have exported."""

    home: Path
    told: Callable[[str], str]  # what the page says, with the addresses of this test
    exported: list[str] = field(default_factory=list)
    id: str = ""  # the last one that was printed

    def run(self, block: str) -> None:
        """The commands of a block, one by one; each must do."""
        for command in commands(self.told(block)):
            if command.startswith("export "):
                self.exported.append(command)
            else:
                self.one(command.replace("=ID", f"={self.id}"))

    def one(self, command: str) -> str:
        command = re.sub(r"^session-mgmt-mcp ", f"'{PROGRAM}' ", command)
        script = "\n".join([*self.exported, command])
        done = subprocess.run(
            ["bash", "-ec", script], cwd=self.home, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        if found := re.findall(r'"id": "([^"]+)"', done.stdout):
            self.id = found[0]
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        ours = {"HOME": str(self.home), "SESSION_MGMT_DATA_DIR": str(self.home / ".claude" / "data")}
        return {**os.environ, **ours, "SESSION_MGMT_LOG_DIR": str(self.home / ".claude" / "logs")}

    @property
    def exports(self) -> dict[str, str]:
        return dict(word.split("=", 1) for line in self.exported for word in shlex.split(line)[1:])


def commands(block: str) -> list[str]:
    """A command may have a text behind it, up to a line END."""
    return [found.strip() for found in re.findall(r"^(?:.*<<'END'\n(?:.*\n)*?END|.+)$", block, re.MULTILINE)]


@pytest.fixture
def people(s3: Any, tmp_path: Path) -> Iterator[Callable[[str], Laptop]]:
    known: dict[str, Laptop] = {}
    with redis_server() as (redis, _):
        meant = {
            "redis://redis.example.com:6379/0": redis.url,
            "https://s3.example.com": s3.endpoint,
            "s3://knowledge/": f"s3://{s3.bucket}/{tmp_path.name}/",
            "the password of Redis": redis.password,
            "an access key": s3.access_key_id,
            "its secret": s3.secret_access_key,
        }

        def told(text: str) -> str:
            for said, real in meant.items():
                text = text.replace(said, real)
            return text

        def person(name: str) -> Laptop:
            if name not in known:
                (tmp_path / name).mkdir()
                known[name] = Laptop(tmp_path / name, told)
            return known[name]

        yield person
        for laptop in known.values():
            laptop.one("session-mgmt-mcp hub stop")


def of(person: str) -> list[str]:
    return [block for name, block in BLOCKS if name == person]


async def test_from_one_laptop_to_a_team(people, client):
    assert {name for name, _ in BLOCKS} == {"alice", "bob", "server", "carol", "move"}
    alice, bob, server = people("alice"), people("bob"), people("server")
    setting_up, sharing = of("alice")
    alice.run(setting_up)
    for other, name in ((bob, "bob"), (server, "team-server")):
        other.run(setting_up.replace('"alice"', f'"{name}"'))
    alice.run(sharing)
    bob.id = alice.id
    bob.run(of("bob")[0])
    assert "Stale prices" in bob.one('session-mgmt-mcp call search_team_knowledge query="old prices"')
    assert "Nothing" in bob.one('session-mgmt-mcp search "stale prices" --project "*"')
    written = (alice.home / ".claude" / "data" / "settings.toml").read_text()
    assert not any(secret in written for secret in alice.exports.values())

    token, joining, serving = commands(of("server")[0])
    made = json.loads(server.one(f"{token} --json"))
    server.one(joining)
    [port] = free_ports(1)
    listening = subprocess.Popen(
        [PROGRAM, *shlex.split(serving)[1:], "--port", str(port)],
        env={**server.environment, **server.exports},
        cwd=server.home,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert listening.stdout is not None
        said = listening.stdout.readline()
        assert f"127.0.0.1:{port}/mcp" in said
        adding = of("carol")[0].replace("127.0.0.1:8737", f"127.0.0.1:{port}").replace("TOKEN", made["token"])
        client.command(*shlex.split(adding)[1:], cwd=server.home)
        assert "Connected" in client.command("mcp", "get", "team", cwd=server.home)
        transport = StreamableHttpTransport(f"http://127.0.0.1:{port}/mcp", auth=made["token"])
        async with Client(transport) as carol:
            found = await carol.call_tool("search_team_knowledge", {"query": "why old prices after a deploy?"})
            assert found.structured_content["hits"][0]["shared_by"] == "alice"
            refused = await carol.call_tool(
                "search_team_knowledge", {"query": "prices", "user_id": "alice"}, raise_on_error=False
            )
            assert refused.is_error and "carol" in refused.content[0].text
    finally:
        listening.terminate()
        assert listening.wait(20) == 0
        listening.stdout.close()

    [moving] = of("move")
    began = time.monotonic()
    alice.run(moving)
    assert time.monotonic() - began < 60
    assert "records" in alice.one(f"{alice.told(moving).strip()} --dry-run")
