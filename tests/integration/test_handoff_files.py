"""Handoffs as files of this machine."""

import pytest
from session_mgmt_mcp.adapters.local.handoff_files import LocalHandoffFiles
from session_mgmt_mcp.contracts.handoff_files import HandoffFilesContract
from session_mgmt_mcp.ports.errors import Unavailable


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "handoffs"


@pytest.fixture
def files(folder) -> LocalHandoffFiles:
    return LocalHandoffFiles(folder)


class TestLocalHandoffFiles(HandoffFilesContract):
    pass


async def test_a_plain_name_is_the_files_and_only_the_owner_reads_it(files, folder):
    path = await files.write("shop-1a2b3c", "11111111-2222-4333-8444-555555555555", "text")
    assert path == folder / "shop-1a2b3c" / "11111111-2222-4333-8444-555555555555.md"
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {part.stat().st_mode & 0o777 for part in (folder, path.parent)} == {0o700}


async def test_nothing_is_written_outside_of_the_folder(files, folder):
    for name in ("..", "../..", "/etc/passwd", ".", "a/../../b"):
        path = await files.write(name, name, "text")
        assert path.resolve().is_relative_to(folder.resolve()), path


async def test_a_link_in_the_place_of_a_page_is_replaced_not_followed(files, tmp_path):
    path = await files.write("shop", "s1", "first")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    path.unlink()
    path.symlink_to(elsewhere)
    assert await files.read("shop", "s1") is None
    await files.write("shop", "s1", "second")
    assert (elsewhere.read_text(), path.is_symlink(), path.read_text()) == ("precious", False, "second")


async def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path):
    (tmp_path / "blocked").write_text("")
    with pytest.raises(Unavailable, match="blocked"):
        await LocalHandoffFiles(tmp_path / "blocked").write("shop", "s1", "text")
