"""The channel of the command line."""

import os

import pytest
from session_mgmt_mcp import control
from session_mgmt_mcp.control import ControlError

from .conftest import TINY_HUB


def call(verb, args=None, **options):
    return control.call(verb, args, command=TINY_HUB, **options)


def test_a_verb_starts_a_hub_reports_progress_and_gives_its_result(world):
    seen = []
    assert call("count", {"to": 3}, on_progress=seen.append) == {"counted": 3}
    assert seen == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len(world.hubs()) == 1


def test_a_ports_error_arrives_with_its_kind_and_sentence(served):
    with pytest.raises(ControlError) as error:
        call("fail")
    assert (error.value.kind, error.value.message) == ("Invalid", "That cannot be: give another.")


def test_other_failures_are_one_sentence(served):
    with pytest.raises(ControlError) as error:
        call("count", {"to": "many"})
    assert error.value.kind == "Failed"
    assert "Traceback" not in error.value.message


def test_an_unknown_verb_is_said(served):
    with pytest.raises(ControlError, match="knows no verb dance"):
        call("dance")


def test_no_hub_is_started_against_the_callers_will(world):
    with pytest.raises(ControlError) as error:
        call("count", {"to": 1}, spawn=False)
    assert error.value.kind == "NoHub"
    assert world.hubs() == []
    world.client()
    assert call("count", {"to": 1}, spawn=False) == {"counted": 1}


def test_status_tells_who_serves(world):
    world.client()
    world.client()
    said = call("hub.status", spawn=False)
    assert (said["pid"], said["clients"]) == (world.hub(), 2)
    assert {"version", "uptime"} <= set(said)


def test_silence_beyond_the_timeout_is_unavailable_and_ends_the_verb(served):
    with pytest.raises(ControlError, match="said nothing"):
        call("wait", timeout=0.3)
    served.until((served.data / "interrupted").exists)


def test_a_hub_that_dies_during_a_verb_is_said(world):
    world.client()
    with pytest.raises(ControlError, match="ended before wait was done") as error:
        call("wait", on_progress=lambda _: world.kill_hub())
    assert error.value.kind == "Unavailable"


def test_a_directory_that_cannot_be_used_is_said(world, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ControlError, match="cannot be used") as error:
        call("count", {"to": 1}, data=os.fspath(tmp_path / "file" / "data"))
    assert error.value.kind == "Unavailable"
