"""Digests of real files."""

import os
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.local import file_digests
from session_mgmt_mcp.adapters.local.file_digests import LocalFileDigests
from session_mgmt_mcp.contracts.file_digests import FileDigestsContract


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    for name, text in (("a.txt", "one"), ("kopie ü.txt", "one"), ("b.txt", "two")):
        (folder / name).write_text(text)
    return folder


class TestLocalFileDigests(FileDigestsContract):
    @pytest.fixture
    def digests(self) -> LocalFileDigests:
        return LocalFileDigests()


async def test_nothing_outside_of_the_root_is_read(root: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("one")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "inner").symlink_to(root / "a.txt")
    (root / "folder").symlink_to(tmp_path)
    asked = ["link", "inner", "folder/secret", "../secret", str(tmp_path / "secret")]
    assert await LocalFileDigests().read(root, asked) == {}


async def test_what_is_no_plain_file_is_left_out_at_once(root: Path):
    os.mkfifo(root / "pipe")
    (root / "dir").mkdir()
    assert await LocalFileDigests().read(root, ["pipe", "dir", "", "a\0b"]) == {}


async def test_a_large_file_is_told_by_its_size_and_time(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(file_digests, "LARGEST", 2)
    before = await LocalFileDigests().read(root, ["a.txt"])
    os.utime(root / "a.txt", ns=(1, 1))
    assert (await LocalFileDigests().read(root, ["a.txt"])) != before
