import os
from pathlib import Path

from session_mgmt_mcp import paths, places


def test_paths_and_places_agree():
    data = paths.data_dir()
    assert str(data) == places.data_dir() == os.environ["SESSION_MGMT_DATA_DIR"]
    assert str(paths.log_dir()) == places.log_dir()
    assert str(paths.hub_socket(data)) == places.hub_socket(str(data))
    assert str(paths.hub_lock(data)) == places.hub_lock(str(data))
    assert str(paths.spool(data)) == places.spool(str(data))


def test_one_directory_under_two_names_has_one_socket(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert places.hub_socket(str(tmp_path / "real")) == places.hub_socket(str(tmp_path / "link"))
    assert places.hub_socket(str(tmp_path / "real")) != places.hub_socket(str(tmp_path / "other"))


def test_a_socket_path_fits_whatever_the_directories_are_called(tmp_path, monkeypatch):
    deep = tmp_path / ("long " * 30) / "größe"
    deep.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setenv("TMPDIR", str(deep))
    assert len(places.hub_socket(str(deep)).encode()) <= places.SOCKET_PATH_LIMIT


def test_a_runtime_directory_that_is_not_there_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert places.hub_socket("/data").startswith("/tmp/session-mgmt-")


def test_only_a_directory_of_ours_that_nobody_else_enters_is_trusted(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    assert places.distrust(str(folder)) == ""
    folder.chmod(0o755)
    assert "only you" in places.distrust(str(folder))
    folder.chmod(0o700)
    (tmp_path / "link").symlink_to(folder)
    assert "only you" in places.distrust(str(tmp_path / "link"))


def test_a_directory_of_somebody_else_is_not_trusted(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert str(folder) in places.distrust(str(folder))


def test_the_data_directory_is_under_home_by_default(monkeypatch):
    monkeypatch.delenv("SESSION_MGMT_DATA_DIR")
    monkeypatch.delenv("SESSION_MGMT_LOG_DIR")
    assert paths.data_dir() == Path.home() / ".claude" / "data"
    assert paths.log_dir() == Path.home() / ".claude" / "logs"
