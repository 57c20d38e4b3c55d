"""The benchmark's client is a client like others, and what it prints has a floor and a budget."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp.domain.roles import Role

from benchmarks import http

ROOT = Path(__file__).resolve().parents[3]


async def test_every_request_of_every_client_is_timed(served):
    callers = [await served.caller(user, Role.OWNER) for user in ("a", "b")]
    tokens = [caller.headers["authorization"].removeprefix("Bearer ") for caller in callers]
    load = await http.load(http.Target("ping", served.door.url, "ping", [{}], tokens), clients=3, requests=4)
    assert len(load.seconds) == 12
    assert all(0 < seconds <= load.whole for seconds in load.seconds)
    assert load.rate == 12 / load.whole


async def test_a_refusal_is_no_figure(served):
    caller = await served.caller("a")
    token = caller.headers["authorization"].removeprefix("Bearer ")
    target = http.Target("search", served.door.url, "reflect_on_past", [{"query": "x"}], [token])
    with pytest.raises(RuntimeError, match="not for members"):
        await http.load(target, clients=1, requests=1)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("where", [[], ["--shared"]], ids=["local", "shared"])
def test_a_small_run_prints_each_figure_beside_its_floor(where):
    command = [
        sys.executable,
        "-m",
        "benchmarks.http",
        "--json",
        "--clients",
        "2",
        "--requests",
        "4",
        "--memories",
        "20",
        *where,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
    figures = json.loads(done.stdout)
    assert [figure["what"].split(":")[1].strip() for figure in figures] == ["calls a second", "p50", "p99"] * 3
    assert all(figure["floor"] and figure["ratio"] for figure in figures)
    expected = [">= 0.4x"] if where else [">= 0.4x", ">= 0.03x"]
    assert [figure["budget"] for figure in figures if figure["budget"]] == expected
