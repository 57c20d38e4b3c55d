"""A day of use by real processes, under umask 0 and in a network of its own: `python -m tests.security.day FOLDER`.

Secrets of every kind come in by every way there is. FOLDER/day.json then says what of ours was written with which mode,
and how often any process wanted to reach a place beyond this machine.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.redaction import cases
from tests.integration.conftest import World
from tests.integration.serving import PROGRAM, Serving, call
from tests.unit.handoffs.conftest import Git, Transcript

SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")
SESSION = "31111111-2222-4333-8444-555555555555"
CASES = [case for case in cases() if case.secrets]
ONE_OF_EACH = list({case.kind: case for case in CASES}.values())
HERE = ("HOME", "SESSION_MGMT_DATA_DIR", "SESSION_MGMT_LOG_DIR", "XDG_RUNTIME_DIR", "TMPDIR")


def ours(*words: str, fine: bool = True, **more) -> str:
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=120, **more)
    assert not fine or done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def fire(name: str, transcript: Transcript, **more) -> str:
    secret = ONE_OF_EACH[0].text
    event = {"session_id": transcript.session, "transcript_path": str(transcript.path), "cwd": str(transcript.cwd),
             "hook_event_name": name, "prompt": secret, "tool_input": {"command": secret}, "tool_response": secret, **more}  # fmt: skip
    return ours("hook", name, input=json.dumps(event))


def project(folder: Path) -> Path:
    shop = folder / "shop"
    (shop / "tests").mkdir(parents=True)
    (shop / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    (shop / "cart.py").write_text("total = 1\n")
    texts = [case.text for case in ONE_OF_EACH]
    (shop / "tests" / "test_keys.py").write_text(
        f"def test_keys():\n    print({chr(10).join(texts)!r})\n    assert {texts[0]!r} == ''\n"
    )
    return shop


def talk(shop: Path) -> Transcript:
    """Every case as a prompt, as a command and as what a program printed."""
    said = Transcript(Path.home() / ".claude" / "projects" / "-shop", shop, SESSION)
    for case in CASES:
        said.user(case.text)
        said.bash(case.text, failed=f"Exit code 1\n{case.text}")
    for case in ONE_OF_EACH:
        said.assistant(f"We decided to use it, because it works:\n{case.text}")
    said.todos(**{case.text: "pending" for case in ONE_OF_EACH})
    said.background(ONE_OF_EACH[1].text)
    return said


def tools(client, shop: Path) -> None:
    """Whatever can be told to a tool is told every kind of secret; a refusal is an answer as well."""

    def told(tool, **arguments):
        answer = client.request("tools/call", {"name": tool, "arguments": arguments})
        return answer.get("structuredContent") or answer

    told("start")
    told("permissions", action="trust", operation="git_commit")
    told("create_team", team_id="core", name=ONE_OF_EACH[0].text[:200], description=ONE_OF_EACH[1].text[:2000])
    told("start_interruption_monitoring", watch_files=True)
    told("start_app_monitoring", project_paths=[str(shop)])
    for case in ONE_OF_EACH:
        text = case.text
        told("store_reflection", content=text, tags=[text[:100]])
        told("reflect_on_past", query=text[:2000])
    for case in ONE_OF_EACH[::4]:
        text = case.text
        told("create_natural_reminder", title=text[:300], description=text[:2000], time_expression="in 2 hours")
        told("share_with_team", team_id="core", content=text, tags=[text[:100]])
        made = told("create_serverless_session", session_data={"note": text, "deep": [{"x": text}]})
        told(
            "update_serverless_session",
            session_id=str(made.get("id") or made.get("session", {}).get("id", "x")),
            updates={"more": text},
        )
        told("create_project_group", name=text[:200], projects=[str(shop)], description=text[:2000])
        told(
            "add_project_dependency",
            source_project=str(shop),
            target_project="blog",
            dependency_type="uses",
            description=text[:2000],
        )
        told("search_code", query=text[:2000])
    told("advanced_search", query=ONE_OF_EACH[0].text[:2000])
    told("preserve_current_context", session_id=SESSION, force=True)
    told("checkpoint", name=ONE_OF_EACH[0].text[:100], commit=True)
    told("crackerjack_run", command="test", runner="pytools", timeout=100)
    told("crackerjack_run", command="lint", runner="pytools", timeout=100)
    told(
        "configure_llm_provider",
        provider="openai",
        base_url="http://127.0.0.1:9/v1",
        api_key=CASES[0].secrets[0],
        confirm=True,
    )
    told("auto_compact", force=True)
    told("end")


def unreached() -> int:
    """How often this network had no way to where somebody wanted to go."""
    heads, values = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")]
    six = (
        [line.split() for line in Path("/proc/net/snmp6").read_text().splitlines()]
        if Path("/proc/net/snmp6").exists()
        else []
    )
    return int(values[heads.index("OutNoRoutes")]) + sum(int(value) for name, value in six if name == "Ip6OutNoRoutes")


def files(known: set[str]) -> dict[str, int]:
    """Modes of all that lies where we may write and was not there before."""
    found = {}
    for place in HERE:
        for path in [Path(os.environ[place]), *Path(os.environ[place]).rglob("*")]:
            if str(path) not in known and not path.is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    found[str(path)] = path.stat().st_mode & 0o7777
    return found


def main(folder: Path) -> None:
    os.umask(0)
    shop = project(folder)
    git = Git(shop)
    for case in ONE_OF_EACH[:20]:
        git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", case.text.replace("\0", ""))
    said = talk(shop)
    os.chdir(shop)
    os.environ["CLAUDE_PROJECT_DIR"] = str(shop)
    known = {str(path) for place in HERE for path in [Path(os.environ[place]), *Path(os.environ[place]).rglob("*")]}
    began = unreached()
    ours("setup", "--yes", "--shortcuts")
    fire("PostToolUse", said)
    fire("UserPromptSubmit", said)
    world = World()
    client = world.client(command=SHIM)
    fire("SessionStart", said, source="startup")
    ours("import", "--wait")
    tools(client, shop)
    fire("PreCompact", said)
    fire("SessionEnd", said, reason="other")
    ours("token", "create", "bob", "--role", "member", "--json")
    ours("search", CASES[0].text, "--json")
    ours("doctor", fine=False)
    ours("backup", str(Path.home() / "kept.duckdb"))
    ours("export", str(Path.home() / "exported.jsonl"))
    ours("scrub", "--yes", fine=False)
    modes = files(known)
    shutil.copytree(os.environ["SESSION_MGMT_DATA_DIR"], folder / "running", ignore_dangling_symlinks=True)
    world.kill_hub()
    client.call("store_reflection", content=f"after a fall: {ONE_OF_EACH[2].text}")
    secret = json.loads(ours("token", "create", "ann", "--role", "owner", "--json"))["token"]
    served = Serving()
    for case in ONE_OF_EACH[::6]:
        call(served.url, secret, "store_reflection", content=f"over the net: {case.text}", project="shop")
    served.end(signal.SIGTERM)
    client.leave()
    ours("hub", "stop")
    modes |= files(known)
    report = {"modes": modes, "unreached": unreached() - began, "token": secret, "cases": len(CASES)}
    (folder / "day.json").write_text(json.dumps(report))
    world.end()


if __name__ == "__main__":
    started = time.monotonic()
    main(Path(sys.argv[1]))
    print(f"{time.monotonic() - started:.1f} s")
