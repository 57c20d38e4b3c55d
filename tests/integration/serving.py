"""`serve --http` as a process of its own, and a client for it that needs nothing but the standard library."""

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Serving:
    """Started at once; `url` waits until it serves."""

    def __init__(self, *options, **env):
        command = [PROGRAM, "serve", "--http", "--port", "0", "--json", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
        )
        self.said = queue.Queue()
        self._told = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))
        self.said.put({})

    @property
    def url(self):
        return self.told["url"]

    @property
    def told(self):
        if self._told is None:
            self._told = self.said.get(timeout=90)
            assert self._told, self.process.stderr.read()
        return self._told

    def end(self, how=signal.SIGTERM):
        """Exit code, and what it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        said = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, said


def token(user="ann", role="owner", *options):
    made = ours("token", "create", user, "--role", role, "--json", *options)
    return json.loads(made)["token"]


def ours(*words):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def post(url, secret, method, headers=None, **params):
    """Status and the JSON that came back."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=90)
    routing = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if "name" in params:
        routing["Mcp-Name"] = params["name"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}})
    fixed = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    try:
        connection.request(
            "POST", place.path, body, {**fixed, **routing, "Authorization": f"Bearer {secret}", **(headers or {})}
        )
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = [line for line in text.splitlines() if line.startswith("data: ")][-1][6:]
    return answer.status, json.loads(text)


def call(url, secret, tool, headers=None, **arguments):
    status, said = post(url, secret, "tools/call", headers, name=tool, arguments=arguments)
    assert status == 200, said
    assert not said["result"]["isError"], said
    return said["result"]["structuredContent"]
