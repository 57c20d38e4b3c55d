from pathlib import Path

import pytest
from session_mgmt_mcp import places, spool


@pytest.fixture
def data():
    return places.data_dir()


def test_events_come_back_once_and_in_order(data):
    for n in range(5):
        assert spool.leave(data, {"event": "Stop", "n": n})
    seen = []
    assert spool.drain(data, seen.append) == (5, 0)
    assert [event["n"] for event in seen] == [0, 1, 2, 3, 4]
    assert spool.drain(data, seen.append) == (0, 0)


def test_files_are_the_owners_only_and_never_half_written(data):
    spool.leave(data, {"event": "Stop"})
    folder = Path(places.spool(data))
    [file] = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / ".unfinished.tmp").write_text("{")
    seen = []
    assert spool.drain(data, seen.append) == (1, 0)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null"])
def test_a_damaged_file_is_moved_aside_and_the_others_are_taken(data, content):
    spool.leave(data, {"n": 1})
    folder = Path(places.spool(data))
    (folder / "00000-1.json").write_bytes(content)
    seen = []
    assert spool.drain(data, seen.append) == (1, 1)
    assert (folder / "bad" / "00000-1.json").read_bytes() == content
    assert spool.drain(data, seen.append) == (0, 0)


def test_an_event_that_cannot_be_used_does_not_keep_the_others_waiting(data):
    spool.leave(data, {"n": 1})
    spool.leave(data, {"n": 2})
    seen = []

    def take(event):
        if event["n"] == 1:
            raise RuntimeError("no use")
        seen.append(event)

    assert spool.drain(data, take) == (1, 1)
    assert seen == [{"n": 2}]


def test_without_a_spool_there_is_nothing(data):
    assert spool.drain(data, print) == (0, 0)


def test_a_full_spool_takes_no_more(data, monkeypatch):
    monkeypatch.setattr(spool, "CAPACITY", 2)
    assert [spool.leave(data, {}) for _ in range(3)] == [True, True, False]
    assert len(list(Path(places.spool(data)).iterdir())) == 2
