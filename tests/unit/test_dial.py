"""Waiting for a hub: as long as there are signs of life."""

import os
import time

import pytest
from session_mgmt_mcp import election, places
from session_mgmt_mcp.dial import Dial
from session_mgmt_mcp.wire import Unreachable


@pytest.fixture
def lock():
    """Somebody else is the hub."""
    held = election.take(places.data_dir())
    yield held
    os.close(held)


def waited(dial, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert dial.step() is None
        time.sleep(0.01)


def test_a_hub_that_was_long_in_starting_is_waited_for_when_it_says_that_it_serves(lock):
    election.announce(lock, state="starting")
    dial = Dial("control", places.data_dir(), patience=0.2)
    waited(dial, 0.4)
    election.announce(lock, state="serving")
    waited(dial, 0.1)
    with pytest.raises(Unreachable, match="does not answer"):
        waited(dial, 0.4)
    dial.close()


def test_who_says_nothing_is_given_up(lock):
    election.announce(lock, state="serving")
    with pytest.raises(Unreachable, match="does not answer"):
        waited(Dial("control", places.data_dir(), patience=0.1), 1)
