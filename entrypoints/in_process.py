"""The server without a hub: one client on stdio, in one process that owns the data directory while it lives."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import sys
import threading

from session_mgmt_mcp import connection, fastmcp_internals, logs, places
from session_mgmt_mcp.conversation import Conversation
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.service import OpenService
from session_mgmt_mcp.version import VERSION
from session_mgmt_mcp.wire import MAX_LINE


def run(open_service: OpenService | None = None) -> int:
    """Until the client goes. Exits with one sentence when a hub owns the directory, or it cannot be opened."""
    data = places.data_dir()
    logs.configure(debug=bool(os.environ.get("SESSION_MGMT_DEBUG")))
    try:
        lock = _own(data)
        if open_service is None:
            from session_mgmt_mcp import opening

            open_service = opening.open_service
        asyncio.run(_serve(open_service))
    except PortError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or data} cannot be used: {error.strerror}.\n")
        return 1
    if lock is not None:
        os.close(lock)
    return 0


def _own(data: str) -> int | None:
    if sys.platform == "win32":
        return None  # there is no flock; the database's own lock keeps a second process out
    from session_mgmt_mcp import election

    lock = election.take_patiently(data, 1.0)
    if lock is None:
        raise PortError(
            f"{data} is owned by a hub (process {election.announced(data).get('pid')}): "
            "leave out --in-process to connect to it, or run `session-mgmt-mcp hub stop` first."
        )
    election.announce(lock, state="in-process", version=VERSION)
    return lock


async def _serve(open_service: OpenService) -> None:
    serving = asyncio.current_task()
    assert serving is not None
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with open_service() as service, fastmcp_internals.lifespan(service.server):
            if sys.platform == "win32":
                await service.server.run_stdio_async(show_banner=False)
                return
            reader, writer = await _stdio()
            with connection.entered(connection.of_this_process()):
                await Conversation(service.server, reader, writer).run()


async def _stdio() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The client's two pipes. What tools print must not land in the second, so it moves away from descriptor 1."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    if stat.S_ISREG(os.fstat(1).st_mode):
        raise PortError("The server answers on stdout, and cannot on a plain file: connect it to a pipe.")
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(_piped(incoming), "rb", 0))
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(outgoing, "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _piped(fd: int) -> int:
    """`fd`, or where it is a plain file, which cannot be waited for, a pipe that carries its content."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    reading, writing = os.pipe()

    def copy() -> None:
        with os.fdopen(fd, "rb") as source, os.fdopen(writing, "wb") as target:
            shutil.copyfileobj(source, target)

    threading.Thread(target=copy, daemon=True).start()
    return reading
