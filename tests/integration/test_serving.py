"""`serve --http` among shims, hubs, signals and upgrades: real processes all of them."""

import ipaddress
import json
import os
import resource
import signal
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .conftest import TINY_SHIM
from .serving import PROGRAM, Serving, call, ours, post, token

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SHIM = (str(PROGRAM),)


@pytest.fixture
def light(monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("SESSION_MGMT_CATCH_UP", "false")


@pytest.fixture
def serve(world, light):
    running = []

    def start(*options, **env):
        running.append(Serving(*options, **env))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_it_takes_over_from_a_running_hub_and_its_clients_go_on(world, serve):
    client = world.client(command=SHIM)
    client.call("store_reflection", content="The till is locked by zibeline.", project="*")
    hub = world.hub()
    secret = token()
    serving = serve()
    assert serving.told["pid"] != hub
    assert client.call("reflect_on_past", query="zibeline", project="*")["hits"], "the shim found the new one"
    assert call(serving.url, secret, "reflect_on_past", query="zibeline", project="*")["hits"]
    assert world.announced()["pid"] == serving.process.pid == serving.told["pid"]
    assert world.announced()["http"] == serving.url
    assert not world.hubs(), "it is the one hub"
    assert json.loads(ours("hub", "status", "--json"))["http"] == serving.url


def test_hubs_and_shims_that_come_later_leave_it_alone(world, serve, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "0.2")
    serving = serve()
    assert serving.url
    shims = [world.client(command=SHIM) for _ in range(3)]
    assert all(shim.call("ping")["pong"] for shim in shims)
    for shim in shims:
        shim.leave()
    time.sleep(1)
    assert serving.process.poll() is None, "it never idles out"
    second = serve()
    code, said = second.end(0)
    assert code == 1
    assert f"is served already, at {serving.url}" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(world, serve, number):
    secret = token()
    serving = serve()
    assert call(serving.url, secret, "ping")["pong"]
    code, said = serving.end(number)
    assert (code, said) == (0, "")
    assert not world.hubs()
    client = world.client(command=SHIM)
    assert client.call("ping")["pong"], "the next one who needs a hub has one"


def test_its_tokens_are_those_of_the_command_line_at_once(world, serve):
    serving = serve()
    assert post(serving.url, "sessmgmt_x", "server/discover")[0] == 401
    secret = token("bob", "member", "--name", "laptop")
    assert post(serving.url, secret, "server/discover")[0] == 200
    (listed,) = json.loads(ours("token", "list", "--json"))["tokens"]
    assert (listed["user"], listed["role"], listed["name"], listed["valid"]) == ("bob", "member", "laptop", True)
    assert secret not in json.dumps(listed)
    ours("token", "revoke", listed["id"])
    assert post(serving.url, secret, "server/discover")[0] == 401
    for file in world.data.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
            assert not file.stat().st_mode & 0o077, file


def test_a_newer_shim_gets_it_back_in_the_newer_version_or_as_it_is(world, serve):
    secret = token()
    serving = serve()
    first = serving.told
    old = world.client(command=SHIM)
    newer = world.client(command=[*TINY_SHIM, "99.0.0"])
    assert newer.call("ping")["pong"]
    again = serving.said.get(timeout=60)
    assert again == first, "the same process, at the same address"
    assert serving.process.poll() is None
    assert call(serving.url, secret, "ping")["pong"]
    assert old.call("ping")["pong"]
    time.sleep(0.5)
    assert serving.said.empty(), "for a version it has not got, it comes back once"


def test_a_call_in_flight_is_answered_before_it_ends(world, serve):
    secret = token()
    serving = serve("--grace", "20")
    url, answers = serving.url, []
    work = world.data / "work"
    work.mkdir()
    (work / "test_slow.py").write_text("import time\ndef test_slow():\n    time.sleep(2)\n")

    def ask():
        answers.append(post(url, secret, "tools/call", name="crackerjack_run", arguments={"command": "test", "working_directory": str(work)}))  # fmt: skip

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(1.5)
    code, _ = serving.end()
    asking.join()
    assert code == 0
    assert answers[0][0] == 200, answers


def test_a_port_that_is_taken_is_named_and_nothing_is_taken_over(world, serve):
    client = world.client(command=SHIM)
    hub = world.hub()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = serve("--port", str(port)).end(0)
    assert code == 1
    assert said == f"127.0.0.1:{port} cannot be listened on (Address already in use): give another --port.\n"
    assert world.hub() == hub
    assert client.call("ping")["pong"]


def test_a_network_address_needs_a_token_and_somebodys_word(world, serve):
    code, said = serve("--host", "0.0.0.0", "--expose").end(0)
    assert code == 1
    assert "needs a token first" in said
    secret = token()
    code, said = serve("--host", "0.0.0.0").end(0)
    assert code == 1
    assert "--expose" in said
    assert "http_exposure" in said
    world.client(command=SHIM).call("permissions", action="trust", operation="http_exposure", project="*")
    serving = serve("--host", "0.0.0.0")
    assert call(serving.url, secret, "ping")["pong"]
    assert post(serving.url, secret, "server/discover", {"Host": "memory.example.org"})[0] == 421


def self_signed(folder):
    """A certificate for localhost and its key, as PEM files."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    secret, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    building = x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
    building = building.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = building.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(secret, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


def test_with_a_certificate_it_speaks_tls(world, serve, tmp_path):
    import ssl
    import urllib.error
    import urllib.request

    certificate, key = self_signed(tmp_path)
    serving = serve("--tls-cert", str(certificate), "--tls-key", str(key))
    assert serving.url.startswith("https://")
    trusting = ssl.create_default_context(cafile=str(certificate))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(serving.url, context=trusting, timeout=30)
    assert refused.value.code == 401
    code, said = serve("--tls-cert", str(key)).end(0)
    assert code == 1
    assert "cannot be used" in said


def test_a_killed_one_leaves_nothing_that_keeps_the_next_from_starting(world, serve):
    secret = token()
    serving = serve()
    assert serving.url
    os.kill(serving.process.pid, signal.SIGKILL)
    serving.process.wait()
    next_one = serve()
    assert call(next_one.url, secret, "ping")["pong"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at Linux' /proc")
def test_strangers_connections_leave_files_to_open(world, serve):
    serving = serve()
    resource.prlimit(serving.process.pid, resource.RLIMIT_NOFILE, (200, 200))
    place = urlsplit(serving.url)
    held = [socket.create_connection((place.hostname, place.port), timeout=5) for _ in range(250)]
    try:
        until = time.monotonic() + 4  # before they are hung up on for saying nothing
        folder = Path(f"/proc/{serving.process.pid}/fd")
        while (files := len(list(folder.iterdir()))) >= 170 and time.monotonic() < until:
            time.sleep(0.05)
        assert files < 170
    finally:
        for one in held:
            one.close()
