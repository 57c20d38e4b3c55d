"""Two machines, as two data directories with a hub each, that share one Redis and one LanceDB on S3."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from session_mgmt_mcp import control

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
Laptop = Callable[..., dict[str, Any]]


@pytest.fixture
def laptops(redis: Any, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Laptop, Laptop]]:
    """Alice's and Bob's: `alice("a_tool", parameter=value)` is that tool's answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_MGMT_REDIS_PASSWORD", redis.password)
    monkeypatch.setenv("SESSION_MGMT_S3_ACCESS_KEY_ID", s3.access_key_id)
    monkeypatch.setenv("SESSION_MGMT_S3_SECRET_ACCESS_KEY", s3.secret_access_key)
    names = ("alice", "bob")
    for name in names:
        (tmp_path / name).mkdir(mode=0o700)
        (tmp_path / name / "settings.toml").write_text(f'''
user_id = "{name}"
shared_storage = "redis"
redis_url = "{redis.url}"
redis_namespace = "{tmp_path.name[:60]}"
team_store = "s3://{s3.bucket}/{tmp_path.name}"
s3_endpoint = "{s3.endpoint}"
''')
    alice, bob = (laptop(tmp_path / name, monkeypatch) for name in names)
    yield alice, bob
    for name in names:
        control.call("hub.stop", spawn=False, data=str(tmp_path / name))
        control.wait_gone(str(tmp_path / name))


def laptop(data: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    def call(tool: str, **given: Any) -> dict[str, Any]:
        words = {name: str(value) for name, value in given.items()}
        return control.call("call", {"tool": tool, "given": words}, data=str(data))

    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(data))  # which its hub inherits
    call("ping")
    return call


def test_what_one_shares_the_other_finds_within_a_second(laptops):
    alice, bob = laptops
    alice("create_team", team_id="shop", name="The shop")
    alice("add_team_member", team_id="shop", user_id="bob")
    stored = alice("store_reflection", content="Stale prices after a deploy: the cache key lacks the release id.")
    assert bob("search_team_knowledge", query="stale prices")["hits"] == []
    shared = alice("share_with_team", team_id="shop", reflection_id=stored["id"])
    at, found = time.monotonic(), []
    while not found and time.monotonic() - at < 5:
        found = bob("search_team_knowledge", query="why do we show old prices?")["hits"]
    took = time.monotonic() - at
    assert [(hit["id"], hit["shared_by"]) for hit in found] == [(shared["id"], "alice")]
    assert took < 1, f"it took {took:.2f} s"

    assert bob("vote_on_reflection", reflection_id=shared["id"])["votes"] == 1
    assert alice("get_team_statistics", team_id="shop")["votes"] == 1
    assert bob("quick_search", query="stale prices", project="*")["count"] == 0  # what is Alice's own stayed with her

    alice("remove_team_member", team_id="shop", user_id="bob")
    assert bob("search_team_knowledge", query="stale prices")["hits"] == []
    with pytest.raises(control.ControlError):
        bob("get_team_statistics", team_id="shop")


def test_what_both_write_at_once_is_all_there(laptops):
    alice, bob = laptops
    alice("create_team", team_id="shop")
    alice("add_team_member", team_id="shop", user_id="bob")
    number = itertools.count()

    def share(who: Laptop) -> str:
        shared = who("share_with_team", team_id="shop", content=f"Lesson {next(number)}: test what you ship.")
        who("vote_on_reflection", reflection_id=shared["id"])
        return str(shared["id"])

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(share, [alice, bob] * 6))
    known = bob("get_team_statistics", team_id="shop")
    assert len(set(ids)) == 12
    assert (known["shared"], known["by_member"], known["votes"]) == (12, {"alice": 6, "bob": 6}, 12)
