import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp import election, places


@pytest.fixture
def data():
    return places.data_dir()


def test_only_one_holds_the_lock_and_it_goes_with_its_holder(data):
    lock = election.take(data)
    assert lock is not None
    assert election.take(data) is None
    os.close(lock)
    again = election.take(data)
    assert again is not None
    os.close(again)


def test_a_lock_handed_to_a_child_is_held_until_the_child_ends(data):
    lock = election.take(data)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
    os.close(lock)
    assert election.take(data) is None
    child.communicate(b"\n")
    lock = election.take_patiently(data, 5)
    assert lock is not None
    os.close(lock)


def test_the_file_says_who_holds_it_and_only_its_owner_may_read_it(data):
    lock = election.take(data)
    election.announce(lock, state="a much longer text than what comes after", version="1")
    election.announce(lock, state="serving", version="1")
    said = election.announced(data)
    assert (said["pid"], said["state"], said["host"]) == (os.getpid(), "serving", os.uname().nodename)
    assert Path(places.hub_lock(data)).stat().st_mode & 0o777 == 0o600
    os.close(lock)


def test_a_file_that_says_nonsense_says_nothing(data):
    Path(data).mkdir(parents=True)
    for text in (b"", b"\xff\x00", b"[1]", b"{"):
        Path(places.hub_lock(data)).write_bytes(text)
        assert election.announced(data) == {}


def test_a_lock_whose_file_was_removed_holds_nothing(data):
    lock = election.take(data)
    assert election.holds(lock, data)
    Path(places.hub_lock(data)).unlink()
    assert not election.holds(lock, data)
    other = election.take(data)
    assert other is not None
    assert not election.holds(lock, data)
    os.close(lock)
    os.close(other)


@pytest.mark.parametrize(
    ("change", "elsewhere"),
    [
        ({}, False),
        ({"host": "renamed"}, False),
        ({"boot": "another"}, True),
        ({"pid_namespace": "pid:[1]"}, True),
        ({"boot": "", "host": "another"}, True),
        ({"host": ""}, False),
    ],
)
def test_a_holder_in_another_container_or_on_another_host_is_known_as_such(data, change, elsewhere):
    lock = election.take(data)
    election.announce(lock)
    os.close(lock)
    holder = election.announced(data)
    if not holder["boot"] and "pid_namespace" in change:
        pytest.skip("no pid namespaces here")
    assert election.is_elsewhere({**holder, **change}) is elsewhere


def test_what_is_announced_is_one_line_of_json(data):
    lock = election.take(data)
    election.announce(lock, state="x")
    os.close(lock)
    [line] = Path(places.hub_lock(data)).read_text().splitlines()
    assert json.loads(line)["state"] == "x"
