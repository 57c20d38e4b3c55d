"""A disk with little room, a user without rights, a client of the real product."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REAL_SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")
TINY_HUB = (sys.executable, "-P", str(HERE.parent / "tiny.py"))
NOBODY = 65_534


def hasty_shim(quiet: float, patience: float) -> tuple[str, ...]:
    return (sys.executable, str(HERE / "hasty_shim.py"), str(quiet), str(patience))


class Disk:
    """A file system of its own, of so many bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder)], check=True)

    def fill(self, leave: int = 0) -> None:
        """To the last byte but `leave`."""
        with self._ballast.open("ab", buffering=0) as file:
            room = os.statvfs(self.folder)
            file.write(b"\0" * max(room.f_bavail * room.f_bsize - leave, 0))

    def free(self) -> None:
        self._ballast.unlink()

    def names(self) -> set[str]:
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return {name for name in found if name != self._ballast.name}

    def end(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path):
    """32 MB."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    disk = Disk(tmp_path / "disk", 32 << 20)
    yield disk
    disk.end()


@pytest.fixture
def full(disk):
    """Call it when the disk is to be full; the names that stood there then."""

    def fill(leave=0):
        names = disk.names()
        disk.fill(leave)
        return names

    return fill


@pytest.fixture
def on_disk(disk, monkeypatch):
    """The data directory and the logs lie on the small disk."""
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(disk.folder / "data"))
    monkeypatch.setenv("SESSION_MGMT_LOG_DIR", str(disk.folder / "logs"))
    return disk


@pytest.fixture
def without_rights():
    """A folder of somebody who is not root, whom this process is meanwhile."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if root:
        os.seteuid(0)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700)
    shutil.rmtree(folder)


def obeying(command: tuple[str, ...]) -> tuple[str, ...]:
    """The same for somebody to whom modes mean something: root without the right to pass them over."""
    if os.geteuid() != 0:
        return command
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--", *command)
