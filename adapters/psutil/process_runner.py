"""ProcessRunner on asyncio's subprocesses; what they leave behind is found by psutil, and ended."""

import asyncio
import codecs
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from session_mgmt_mcp.adapters.psutil import ending
from session_mgmt_mcp.adapters.psutil.environment import reduced
from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.process_runner import MOST_PRINTED, Cause, Ended, Printed

READ = 65_536
LONGEST_LINE = 65_536
SILENCE = 1.0  # seconds; then whoever still holds the output of a program that is gone is not waited for
PATIENCE = 5.0  # seconds that the rest of the output may take to be told when the time is over

T = TypeVar("T")


class PsutilProcessRunner:
    """ProcessRunner. `inherit`: variables that programs get beside the usual ones, as `GOPATH` or `UV_*`.

    `birth` tells a process of that id from any other that had it, or will; empty when there is none.
    """

    def __init__(
        self, birth: Callable[[int], str], inherit: Sequence[str] = (), *, most_printed: int = MOST_PRINTED
    ) -> None:
        self._birth = birth
        self._inherit = tuple(inherit)
        self._most_printed = most_printed

    async def run(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        timeout: float,
        printed: Printed,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ended:
        began = time.monotonic()
        tag = ending.new_tag(self._birth)
        env = {**reduced(os.environ, self._inherit), **environment, **ending.tagged(os.environ, tag)}
        reading, writing = os.pipe()
        try:
            output = await _Output.of(reading)
            try:
                process = await _started(argv, folder, env, writing)
            except BaseException:
                output.close()
                await _in_any_case(ending.end(tag, None))
                raise
        finally:
            os.close(writing)
        telling = asyncio.create_task(output.tell(printed, self._most_printed))
        exiting = asyncio.create_task(process.wait())
        try:
            await _wait(exiting, telling, timeout - (time.monotonic() - began))
            exited = exiting.done()
            left = await _in_any_case(ending.end(tag, process.pid, exited=exited))
            await _drained(telling, output, max(PATIENCE, timeout - (time.monotonic() - began)))
            stopped = telling.done() and not telling.cancelled() and not telling.result()
        except BaseException:
            telling.cancel()
            await _in_any_case(ending.end(tag, process.pid))
            raise
        finally:
            output.close()
            telling.cancel()
            code = await _in_any_case(exiting)
        return Ended(_cause(exited, stopped, code), abs(code), time.monotonic() - began, output.bytes, left)

    async def end_left_behind(self) -> int:
        return await ending.end_orphans(self._birth)

    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        if not program or os.sep in program:
            return None
        usual = os.environ.get("PATH", os.defpath).split(os.pathsep)
        places = [*map(str, folders), *filter(os.path.isabs, usual)]
        found = shutil.which(program, path=os.pathsep.join(places))
        return Path(found) if found else None


class _Output:
    """What a program prints, read no faster than it is told."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport) -> None:
        self._reader = reader
        self._transport = transport
        self.bytes = 0
        self.silent = False  # nothing to be read at the moment

    @classmethod
    async def of(cls, descriptor: int) -> "_Output":
        reader = asyncio.StreamReader(limit=READ)
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return cls(reader, transport)

    async def tell(self, printed: Printed, most: int) -> bool:
        """Whether it was all: False when it is more than `most` bytes."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while True:
            self.silent = True
            chunk = await self._reader.read(READ)
            self.silent = False
            self.bytes += len(chunk)
            *told, rest = _lines(rest + decoder.decode(chunk, final=not chunk), whole=not chunk)
            for text in told:
                await printed(text)
            if not chunk or self.bytes > most:
                return bool(not chunk)

    def stop_waiting(self) -> None:
        self._reader.feed_eof()

    def close(self) -> None:
        self._transport.close()


def _lines(text: str, *, whole: bool) -> Iterator[str]:
    """Whole lines in one piece, longer ones in several; at last what has no end yet.

    >>> list(_lines("one\\ntwo\\nthr", whole=False))
    ['one\\ntwo\\n', 'thr']
    """
    end = len(text) if whole else text.rfind("\n") + 1
    if end:
        yield text[:end]
    rest = text[end:]
    while len(rest) >= LONGEST_LINE:
        yield rest[:LONGEST_LINE]
        rest = rest[LONGEST_LINE:]
    yield rest


async def _started(
    argv: Sequence[str], folder: Path, env: Mapping[str, str], output: int
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        if not folder.is_dir():
            raise Unavailable(f"There is no folder {folder}: name one that is there.") from None
        raise NotFound(f"{argv[0]} cannot be run ({error.strerror}): install it, or put it on the PATH.") from None
    except OSError as error:
        raise Unavailable(f"{argv[0]} cannot be started ({error.strerror}): see to it and try again.") from None
    except ValueError as error:
        raise Invalid(f"{argv[0]!r} cannot be started like this ({error}).") from None


async def _wait(exiting: "asyncio.Task[int]", telling: "asyncio.Task[bool]", seconds: float) -> None:
    """Until it exits, prints too much, its output cannot be told, or the time is over."""
    until = time.monotonic() + seconds
    await asyncio.wait({exiting, telling}, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED)
    if not exiting.done() and telling.done() and telling.result():  # it closed its output
        await asyncio.wait({exiting}, timeout=max(until - time.monotonic(), 0))


async def _drained(telling: "asyncio.Task[bool]", output: _Output, seconds: float) -> None:
    """Nobody is left who prints: what was printed is told to its end."""
    until = time.monotonic() + seconds
    while not telling.done():
        before = output.bytes
        await asyncio.wait({telling}, timeout=SILENCE)
        if output.silent and output.bytes == before:
            output.stop_waiting()
        elif time.monotonic() > until:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
    if not telling.cancelled() and (error := telling.exception()):
        raise error


async def _in_any_case(work: Awaitable[T]) -> T:
    """Is done also when this task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
    return task.result()


def _cause(exited: bool, stopped: bool, code: int) -> Cause:
    if stopped:
        return Cause.PRINTED_TOO_MUCH
    if not exited:
        return Cause.TIMED_OUT
    return Cause.EXITED if code >= 0 else Cause.SIGNALLED
