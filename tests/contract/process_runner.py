"""What every ProcessRunner does."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
from session_mgmt_mcp.ports.errors import NotFound, PortError, Unavailable
from session_mgmt_mcp.ports.process_runner import Cause, Ended, ProcessRunner

KEYS = (
    "ANTHROPIC_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GITHUB_TOKEN",
    "OPENAI_API_KEY",
    "PGPASSWORD",
)
OURS = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")

WAITING = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITING
LEAVING = """
    import os, subprocess, sys, time
    # twice forked, in a session of its own, without a parent: a daemon
    sleeper = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    daemon = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]], start_new_session=True)"
    subprocess.run([sys.executable, "-c", daemon, sleeper, "daemon"], check=True)
    # in the group, holding the output, without the environment
    subprocess.Popen([sys.executable, "-c", sleeper, "sibling"], env={})
    while not (os.path.exists("daemon") and os.path.exists("sibling") and open("sibling").read()):
        time.sleep(0.01)
    print("left", flush=True)
"""


class Told:
    """What was told, and when."""

    def __init__(self, then: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.pieces: list[str] = []
        self.at: list[float] = []
        self._then = then

    async def __call__(self, text: str) -> None:
        self.pieces.append(text)
        self.at.append(time.monotonic())
        if self._then:
            await self._then(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    async def anything(self) -> None:
        async with asyncio.timeout(20):
            while not self.pieces:
                await asyncio.sleep(0.01)


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", dedent(code), *words]


def alive(folder: Path, *names: str) -> list[str]:
    """Which of the processes that wrote their ids into these files still run."""
    found = []
    for name in names:
        pid = int((folder / name).read_text())
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            found.append(name)
    return found


@contextmanager
def offered_to_read(text: bytes) -> Iterator[None]:
    """Puts it on the standard input of this process."""
    before = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, text)
    os.close(writing)
    os.dup2(reading, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)


class ProcessRunnerContract:
    """Subclass it and give a `processes` fixture: a runner that inherits the usual variables only."""

    # How it ends

    @pytest.mark.parametrize("code", [0, 1, 2, 255])
    async def test_it_ends_with_what_it_exited_with(self, processes: ProcessRunner, tmp_path: Path, code: int) -> None:
        told = Told()
        ended = await processes.run(python(f"raise SystemExit({code})"), tmp_path, timeout=20, printed=told)
        assert (ended.cause, ended.code, ended.left, told.pieces) == (Cause.EXITED, code, 0, [])
        assert 0 < ended.seconds < 20

    async def test_a_crash_is_told_with_its_signal(self, processes: ProcessRunner, tmp_path: Path) -> None:
        code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
        ended = await processes.run(python(code), tmp_path, timeout=20, printed=Told())
        assert (ended.cause, ended.code) == (Cause.SIGNALLED, 11)

    @pytest.mark.parametrize("code", [WAITING, STUBBORN])
    async def test_a_time_limit_ends_it(self, processes: ProcessRunner, tmp_path: Path, code: str) -> None:
        told = Told()
        ended = await processes.run(python(code), tmp_path, timeout=0.7, printed=told)
        assert (ended.cause, ended.code) == (Cause.TIMED_OUT, 15 if code == WAITING else 9)
        assert told.text == "here\n" and 0.7 <= ended.seconds < 6

    async def test_no_such_program_is_not_found(self, processes: ProcessRunner, tmp_path: Path) -> None:
        for program in ("no-such-program-anywhere", "./neither-here"):
            with pytest.raises(NotFound):
                await processes.run([program], tmp_path, timeout=5, printed=Told())

    async def test_what_cannot_be_started_is_an_error(self, processes: ProcessRunner, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no program")
        with pytest.raises(Unavailable):
            await processes.run(["./text"], tmp_path, timeout=5, printed=Told())
        with pytest.raises(Unavailable):
            await processes.run([sys.executable], tmp_path / "gone", timeout=5, printed=Told())
        with pytest.raises(PortError):
            await processes.run([sys.executable, "-c", "\0"], tmp_path, timeout=5, printed=Told())

    # What it gets

    async def test_words_are_passed_on_as_they_are(self, processes: ProcessRunner, tmp_path: Path) -> None:
        told, words = Told(), ["$HOME", "a b", "*", "; touch oops", "`id`", "", "-x", "ä\n"]
        code = "import sys; print(ascii(sys.argv[1:]))"
        await processes.run(python(code, *words), tmp_path, timeout=20, printed=told)
        assert told.text == f"{words!a}\n" and not (tmp_path / "oops").exists()

    async def test_it_runs_in_its_folder_and_has_nothing_to_read(
        self, processes: ProcessRunner, tmp_path: Path
    ) -> None:
        told = Told()
        code = "import os, sys; print(os.getcwd(), repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
        with offered_to_read(b"what only we may read"):
            await processes.run(python(code), tmp_path, timeout=20, printed=told)
        assert told.text == f"{tmp_path.resolve()} '' True\n"

    async def test_keys_are_not_inherited(
        self, processes: ProcessRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in (*KEYS, *OURS, "SOMETHING_ELSE"):
            monkeypatch.setenv(name, f"secret of {name}")
        monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")
        told = Told()
        code = "import os; [print(*pair, sep='=') for pair in sorted(os.environ.items())]"
        await processes.run(python(code), tmp_path, timeout=20, printed=told, environment={"ASKED": "for"})
        got = dict(line.split("=", 1) for line in told.text.splitlines())
        assert "secret" not in told.text
        assert got["PATH"] == os.environ["PATH"] and got["HOME"] == os.environ["HOME"]
        assert got["LC_MESSAGES"] == "de_DE.UTF-8" and got["ASKED"] == "for"
        assert got["SESSION_MGMT_GUARD"] == "1"

    async def test_what_a_call_gives_wins(self, processes: ProcessRunner, tmp_path: Path) -> None:
        told, given = Told(), {"PYTHONPATH": str(tmp_path), "HOME": "/elsewhere"}
        code = "import os; print(os.environ['PYTHONPATH'], os.environ['HOME'])"
        await processes.run(python(code), tmp_path, timeout=20, printed=told, environment=given)
        assert told.text == f"{tmp_path} /elsewhere\n"

    # What it prints

    async def test_both_outputs_are_told_in_order_while_it_runs(self, processes: ProcessRunner, tmp_path: Path) -> None:
        told = Told()
        code = """
            import os, time
            os.write(1, b"one\\ntw"); os.write(2, b"o\\n"); time.sleep(0.5); os.write(2, b"three\\nno end")
        """
        ended = await processes.run(python(code), tmp_path, timeout=20, printed=told)
        assert told.text == "one\ntwo\nthree\nno end" and ended.printed == len(told.text)
        assert told.at[-1] - told.at[0] > 0.3
        assert all(piece.endswith("\n") for piece in told.pieces[:-1])

    async def test_text_that_is_cut_anywhere_is_whole_again(self, processes: ProcessRunner, tmp_path: Path) -> None:
        told = Told()
        code = """
            import os, time
            for byte in "ä€𝄞\\n".encode() + b"\\xff\\n": os.write(1, bytes([byte])); time.sleep(0.01)
        """
        await processes.run(python(code), tmp_path, timeout=20, printed=told)
        assert told.text == "ä€𝄞\n\ufffd\n"

    async def test_a_line_without_end_is_told_in_pieces(self, processes: ProcessRunner, tmp_path: Path) -> None:
        told = Told()
        code = "import sys; sys.stdout.write('x' * 1_000_000); sys.stdout.flush(); import time; time.sleep(0.3)"
        await processes.run(python(code), tmp_path, timeout=20, printed=told)
        assert told.text == "x" * 1_000_000 and max(map(len, told.pieces)) <= 200_000

    async def test_it_waits_while_it_is_listened_to(self, processes: ProcessRunner, tmp_path: Path) -> None:
        async def slow(_: str) -> None:
            await asyncio.sleep(0.1)
            ahead.append((tmp_path / "count").stat().st_size)

        ahead: list[int] = []
        told = Told(slow)
        code = """
            with open("count", "wb", buffering=0) as count:
                for _ in range(30):
                    print("x" * 65_535, flush=True); count.write(b".")
        """
        ended = await processes.run(python(code), tmp_path, timeout=60, printed=told)
        assert ended.printed == 30 * 65_536 and ahead[0] < 20, ahead

    # What it leaves

    @pytest.mark.parametrize("then", ["", WAITING])
    async def test_nothing_that_it_started_is_left(self, processes: ProcessRunner, tmp_path: Path, then: str) -> None:
        told, code = Told(), dedent(LEAVING) + then
        began = time.monotonic()
        ended = await processes.run(python(code), tmp_path, timeout=5 if then else 30, printed=told)
        assert ended.cause is (Cause.TIMED_OUT if then else Cause.EXITED)
        assert alive(tmp_path, "daemon", "sibling") == []
        assert ended.left == (1 if then else 2) and "left\n" in told.text
        assert then or time.monotonic() - began < 15

    async def test_nothing_is_left_when_it_is_cancelled(self, processes: ProcessRunner, tmp_path: Path) -> None:
        told = Told()
        run = asyncio.create_task(processes.run(python(dedent(LEAVING) + STUBBORN), tmp_path, timeout=60, printed=told))
        await told.anything()
        run.cancel()
        await asyncio.sleep(0.1)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert alive(tmp_path, "daemon", "sibling") == []

    async def test_nothing_is_left_when_nobody_can_be_told(self, processes: ProcessRunner, tmp_path: Path) -> None:
        async def fail(_: str) -> None:
            raise ValueError("full")

        with pytest.raises(ValueError, match="full"):
            await processes.run(python(dedent(LEAVING) + WAITING), tmp_path, timeout=60, printed=Told(fail))
        assert alive(tmp_path, "daemon", "sibling") == []

    async def test_what_is_cancelled_at_once_is_not_left_either(self, processes: ProcessRunner, tmp_path: Path) -> None:
        code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
        await processes.run(python("print()"), tmp_path, timeout=20, printed=Told())
        before = psutil.Process().num_fds()
        for steps in range(4):
            run = asyncio.create_task(processes.run(python(code), tmp_path, timeout=60, printed=Told()))
            for _ in range(steps):
                await asyncio.sleep(0)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
        await asyncio.sleep(0.3)
        assert not (tmp_path / "pid").exists() or alive(tmp_path, "pid") == []
        assert psutil.Process().num_fds() <= before

    async def test_others_are_left_alone(self, processes: ProcessRunner, tmp_path: Path) -> None:
        other = await asyncio.create_subprocess_exec(*python(WAITING), stdout=asyncio.subprocess.DEVNULL)
        told = Told()
        beside = asyncio.create_task(processes.run(python(WAITING), tmp_path, timeout=60, printed=told))
        await told.anything()
        await processes.run(python(WAITING), tmp_path, timeout=0.3, printed=Told())
        await processes.run(python("print()"), tmp_path, timeout=20, printed=Told())
        assert other.returncode is None and not beside.done()
        beside.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beside
        assert other.returncode is None
        other.kill()
        await other.wait()

    async def test_many_run_side_by_side(self, processes: ProcessRunner, tmp_path: Path) -> None:
        async def run(number: int) -> tuple[Ended, str]:
            told = Told()
            return await processes.run(python(f"print({number})"), tmp_path, timeout=60, printed=told), told.text

        ran = await asyncio.gather(*(run(number) for number in range(8)))
        assert [text for _, text in ran] == [f"{number}\n" for number in range(8)]
        assert all(ended.cause is Cause.EXITED for ended, _ in ran)

    # What there is

    @pytest.fixture
    def bin(self, tmp_path: Path) -> Iterator[Path]:
        (tmp_path / "bin").mkdir()
        for name, mode in (("python3", 0o755), ("frobnicate", 0o755), ("readme", 0o644)):
            (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
            (tmp_path / "bin" / name).chmod(mode)
        yield tmp_path / "bin"

    def test_programs_are_found_where_they_are_named_first(self, processes: ProcessRunner, bin: Path) -> None:
        assert processes.which("python3", [bin]) == bin / "python3"
        assert processes.which("frobnicate", [bin.parent, bin]) == bin / "frobnicate"
        assert (found := processes.which("python3")) and found != bin / "python3"

    @pytest.mark.parametrize("name", ["readme", "no-such-program-anywhere", "", "../bin/frobnicate"])
    def test_what_is_no_program_is_not_found(self, processes: ProcessRunner, bin: Path, name: str) -> None:
        assert processes.which(name, [bin]) is None
        assert processes.which(f"{bin}/{name}", [bin]) is None
