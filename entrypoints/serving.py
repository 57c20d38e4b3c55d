"""`serve --http`: the hub of a data directory, in the foreground, with a door to the network."""

import asyncio
import ipaddress
import json
import logging
import math
import os
import resource
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from session_mgmt_mcp import election, logs, places
from session_mgmt_mcp.control import ControlError, call
from session_mgmt_mcp.ports.errors import Conflict, Invalid, Unavailable
from session_mgmt_mcp.service import Door, OpenService, Service
from session_mgmt_mcp.version import VERSION

TAKE_OVER_SECONDS = 60.0
OPEN_FILES = 4_096
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as it was given."""

    host: str
    port: int
    allow_host: Sequence[str]
    allow_origin: Sequence[str]
    tls_cert: Path | None
    tls_key: Path | None
    expose: bool
    grace: float
    as_json: bool

    def again(self, port: int) -> list[str]:
        """The same command line, on the port that was found."""
        words = ["serve", "--http", "--host", self.host, "--port", str(port), "--grace", str(self.grace)]
        words += [word for name in self.allow_host for word in ("--allow-host", name)]
        words += [word for name in self.allow_origin for word in ("--allow-origin", name)]
        words += ["--tls-cert", str(self.tls_cert)] if self.tls_cert else []
        words += ["--tls-key", str(self.tls_key)] if self.tls_key else []
        return words + ["--expose"] * self.expose + ["--json"] * self.as_json


def serve(asked: Asked, lock: int | None = None, indulged: str = "", open_service: OpenService | None = None) -> int:
    """Until a signal, or `hub stop`, ends it. With `lock` it goes on where an older version of itself left off.

    Raises Invalid, Unavailable, Conflict before it serves.
    """
    from session_mgmt_mcp.hub import Hub
    from session_mgmt_mcp.opening import open_service as whole_product

    data = places.data_dir()
    _check_tls(asked)
    listening = _bound(asked.host, asked.port)
    port = listening.getsockname()[1]
    held = _taken_over(data) if lock is None else lock
    os.set_inheritable(held, False)
    logs.configure(debug=bool(os.environ.get("SESSION_MGMT_DEBUG")))

    async def run() -> str:
        async def open_door(service: Service) -> Door:
            return await _door(service, asked, listening)

        hub = Hub(
            open_service or whole_product,
            data,
            held,
            idle_exit=math.inf,
            on_ready=lambda: _say_where(asked, listening_url),
            open_door=open_door,
            stop_seconds=asked.grace,
            indulged=indulged,
        )
        listening_url = _url(asked, listening)
        await hub.run()
        return hub.left_for

    try:
        left_for = asyncio.run(run())
    except Exception as error:
        election.announce(held, state="ended", version=VERSION)
        _log.error("serving over HTTP ended: %s", error)
        raise
    finally:
        listening.close()
    if left_for:
        _come_back(asked, port, held, left_for)
    return 0


def run(asked: Asked, lock: int | None = None, indulged: str = "") -> int:
    """`serve` as a process of its own, which ends here: the interpreter's own end has DuckDB complain aloud."""
    from session_mgmt_mcp.failures import one_sentence

    try:
        code = serve(asked, lock, indulged)
    except Exception as error:
        sys.stderr.write(one_sentence(error) + "\n")
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _come_back(asked: Asked, port: int, lock: int, version: str) -> None:
    """As whatever version is installed now, in this same process, without letting go of the data directory."""
    election.announce(lock, state="starting", version=VERSION)
    os.set_inheritable(lock, True)
    command = [sys.executable, "-P", "-m", "session_mgmt_mcp.server", *asked.again(port)]
    os.execv(sys.executable, [*command, "--lock", str(lock), "--indulged", version])  # noqa: S606


def _taken_over(data: str) -> int:
    """The lock. A hub that holds it is asked to leave; its clients come to us."""
    until = time.monotonic() + TAKE_OVER_SECONDS
    while time.monotonic() < until:
        lock = election.take_patiently(data, 0.0)
        if lock is not None:
            election.announce(lock, state="starting", version=VERSION)
            return lock
        holder = election.announced(data)
        if holder.get("http") and holder.get("state") == "serving":
            raise Conflict(f"{data} is served already, at {holder['http']}: end that one first.", version=0)
        try:
            call("hub.stop", spawn=False)
        except ControlError as error:
            if error.kind not in ("NoHub", "Unavailable") or time.monotonic() > until:
                raise
            continue
        # a shim that waits for the next hub would start one in the very moment this one is gone: be there first
        gone = time.monotonic() + 10
        while (lock := election.take(data)) is None and time.monotonic() < gone:
            if election.announced(data).get("state") != "leaving":
                break
            time.sleep(0.001)
        if lock is not None:
            election.announce(lock, state="starting", version=VERSION)
            return lock
    raise Unavailable(f"The hub of {data} does not leave: run `session-mgmt-mcp hub stop` and try again.")


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Invalid(f"--host {host}: {error.strerror or error}; give an address of this machine.") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise Unavailable(f"{host}:{port} cannot be listened on ({error.strerror}): give another --port.") from None
    return listening


def _check_tls(asked: Asked) -> None:
    if asked.tls_cert is None:
        if asked.tls_key is not None:
            raise Invalid("--tls-key needs --tls-cert beside it.")
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(asked.tls_cert, asked.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(
            f"--tls-cert {asked.tls_cert} cannot be used ({error.strerror or error}): give PEM files."
        ) from None


async def _door(service: Service, asked: Asked, listening: socket.socket) -> Door:
    """Raises Invalid where the network may not be listened on."""
    from session_mgmt_mcp.domain.roles import Role
    from session_mgmt_mcp.http.door import Behind, Frame
    from session_mgmt_mcp.http.door import Door as NetworkDoor
    from session_mgmt_mcp.http.limits import Limits
    from session_mgmt_mcp.http.names import Names

    assert service.network is not None
    network = service.network
    address = ipaddress.ip_address(listening.getsockname()[0])
    if not address.is_loopback:
        if not await network.tokens.any_valid():
            raise Invalid("A network address needs a token first: `session-mgmt-mcp token create USER` makes one.")
        if not asked.expose:
            await network.require_exposure()
    own = [] if address.is_unspecified else [str(address), asked.host]
    servers = {Role.OWNER: service.server, Role.MEMBER: network.member_server()}
    frame = Frame(
        listening,
        Names.of([*own, *asked.allow_host], asked.allow_origin),
        replace(limits := Limits(), connections=min(limits.connections, allowed_files() // 2)),
        certificate=asked.tls_cert,
        key=asked.tls_key,
    )
    return NetworkDoor(frame, Behind(servers, network.tokens))


def allowed_files() -> int:
    """How many files this process may have open, raised as far as it goes: strangers' connections must leave some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted


def _url(asked: Asked, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    named = asked.allow_host[0] if asked.allow_host else {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    shown = f"[{named}]" if ":" in named else named
    return f"http{'s' if asked.tls_cert else ''}://{shown}:{port}/mcp"


def _say_where(asked: Asked, url: str) -> None:
    add = f'claude mcp add --transport http session-mgmt {url} --header "Authorization: Bearer TOKEN"'
    if asked.as_json:
        print(json.dumps({"url": url, "add": add, "pid": os.getpid(), "version": VERSION}), flush=True)
        return
    lines = [
        f"Serving at {url}; Ctrl-C ends it.",
        "A client needs a token: `session-mgmt-mcp token create USER` makes one. Then, where the client is:",
        f"  {add}",
    ]
    loopback = asked.host == "localhost" or _is_loopback(asked.host)
    if not loopback and asked.tls_cert is None:
        lines.append(
            "There is no TLS here: tokens and memories pass in the clear. Put a reverse proxy with TLS in front of it,"
            " or pass --tls-cert and --tls-key."
        )
    print("\n".join(lines), flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
