"""The eight tools over every backend, through a real client, with Redis and S3 that really run."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from session_mgmt_mcp import connection
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.serverless import COLLECTIONS
from session_mgmt_mcp.settings import load, user_file

REMOTE = ["redis", "s3"]


@pytest.fixture
def ring(monkeypatch):
    """The keyring of the machine."""
    kept = MemorySecretStore()
    monkeypatch.setattr("session_mgmt_mcp.adapters.keyring.secret_store.KeyringSecretStore", lambda: kept)
    return kept


@pytest.fixture
def place(request, tmp_path):
    """`place("redis")`: settings of a real server, a place of this test's own, and its secrets; as config_updates takes them."""

    def of(backend):
        server = request.getfixturevalue(backend)
        if backend == "redis":
            plain = {"redis_url": server.url, "redis_namespace": tmp_path.name[-40:].strip("-_") + "x"}
            return plain, {"redis_password": server.password}
        plain = {"s3_bucket": server.bucket, "s3_prefix": tmp_path.name, "s3_endpoint": server.endpoint}
        return plain, {"s3_access_key_id": server.access_key_id, "s3_secret_access_key": server.secret_access_key}

    return of


@pytest.fixture
def in_environment(monkeypatch):
    def put(values):
        for name, value in values.items():
            monkeypatch.setenv(f"SESSION_MGMT_{name.upper()}", value)

    return put


async def ask(client, name, /, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def created(client, **arguments):
    made = await ask(client, "create_serverless_session", project_id="shop", **arguments)
    return made["session"]["id"]


@pytest.mark.parametrize("backend", ["local", "memory", *REMOTE])
async def test_a_session_lives_through_all_its_tools(product_in, shop, ring, place, in_environment, backend):
    plain, hidden = place(backend) if backend in REMOTE else ({}, {})
    in_environment(hidden)
    async with product_in(shop, shared_storage=backend, **plain) as (_, client):
        id = await created(client, session_data={"step": 1, "password": "h7-Kestrel-99"}, user_id="ann")
        await asyncio.gather(
            *(
                ask(client, "update_serverless_session", session_id=id, updates={"done": {f"job{n}": n}})
                for n in range(8)
            )
        )
        found = await ask(client, "get_serverless_session", session_id=id)
        assert found["data"]["done"] == {f"job{n}": n for n in range(8)} and found["session"]["version"] == 9
        assert "Kestrel" not in json.dumps(found)
        listed = await ask(client, "list_serverless_sessions", user_id="ann", project_id="shop")
        assert [one["id"] for one in listed["sessions"]] == [id]
        assert (await ask(client, "cleanup_serverless_sessions"))["deleted"] == 0
        tested = (await ask(client, "test_serverless_storage"))["backends"]
        assert tested[0]["backend"] == backend and tested[0]["in_use"]
        assert all(one["ok"] for one in tested) and len(tested[0]["steps"]) == 7
        assert (await ask(client, "delete_serverless_session", session_id=id))["deleted"] == 1
        with pytest.raises(ToolError, match="list_serverless_sessions"):
            await ask(client, "get_serverless_session", session_id=id)


async def test_each_backend_that_somebody_configured_is_tested_and_the_one_in_use_comes_first(
    product_in, shop, ring, place, in_environment
):
    plain, hidden = place("redis")
    in_environment({**plain, **hidden, "s3_bucket": "bucket", "s3_endpoint": "http://127.0.0.1:1"})
    async with product_in(shop) as (app, client):
        reply = await ask(client, "test_serverless_storage")
        tests = reply["backends"]
        assert not any(wrong in reply["summary"] for wrong in (".;", ".."))
        assert [(one["backend"], one["in_use"], one["ok"]) for one in tests] == [
            ("local", True, True),
            ("redis", False, True),
            ("s3", False, False),
        ]
        assert "SESSION_MGMT_S3_ACCESS_KEY_ID" in tests[2]["problem"]
        assert (await app.shared_storage.list("probes")).documents == []
        guest = replace(connection.current(), user="bob", role=Role.MEMBER, project="shop")
        with connection.entered(guest):
            async with Client(client.transport.server) as asking:
                told = (await ask(asking, "test_serverless_storage"))["backends"]
        assert [one["ok"] for one in told] == [True, True, False]
        assert not any(word in json.dumps(told) for word in ("127.0.0.1", str(app.settings.data_dir), "SESSION_MGMT"))


async def test_over_http_a_user_has_only_their_own(product_in, shop, ring):
    async with product_in(shop) as (_, client):
        of_ann = await created(client, session_data={"plan": "hers"}, user_id="ann")
        bob = replace(connection.current(), user="bob", cwd="", project_dir="")
        with connection.entered(bob):
            async with Client(client.transport.server) as asking:
                for name in ("get_serverless_session", "update_serverless_session"):
                    given = {"updates": {"plan": "mine"}} if name.startswith("update") else {}
                    with pytest.raises(ToolError, match="No serverless session"):
                        await ask(asking, name, session_id=of_ann, **given)
                assert (await ask(asking, "delete_serverless_session", session_id=of_ann))["deleted"] == 0
                for name, given in (("create", {"session_data": {}}), ("list", {})):
                    suffix = "session" if name == "create" else "sessions"
                    with pytest.raises(ToolError, match="your token is that of bob"):
                        await ask(asking, f"{name}_serverless_{suffix}", user_id="ann", **given)
                mine = await created(asking, session_data={})
                listed = await ask(asking, "list_serverless_sessions", project_id="*")
                assert [one["id"] for one in listed["sessions"]] == [mine]
        assert (await ask(client, "get_serverless_session", session_id=of_ann))["data"] == {"plan": "hers"}


@pytest.mark.parametrize("backend", REMOTE)
async def test_one_server_keeps_own_and_shared_documents_apart(
    product_in, shop, ring, place, in_environment, backend, monkeypatch
):
    plain, hidden = place(backend)
    in_environment(hidden)
    async with product_in(shop, session_storage=backend, shared_storage=backend, user_id="ann", **plain) as (app, _):
        await app.storage.put("serverless", "same", {"whose": "own"})
        await app.shared_storage.put("serverless", "same", {"whose": "all"})
        assert (await app.storage.get("serverless", "same")).body == {"whose": "own"}
        assert [one.body["whose"] for one in (await app.shared_storage.list("serverless")).documents] == ["all"]
    async with product_in(shop, session_storage=backend, shared_storage=backend, user_id="bob", **plain) as (app, _):
        assert await app.storage.get("serverless", "same") is None  # what is ann's own
        assert await app.shared_storage.get("serverless", "same") is not None


@pytest.mark.parametrize("backend", REMOTE)
async def test_going_over_is_tested_first_keeps_the_file_and_copies_on_request(product_in, shop, ring, place, backend):
    plain, hidden = place(backend)
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text("# mine\nsearch_limit = 7  # not five\n\n[later]\nx = 1\n")
    async with product_in(shop) as (app, client):
        old = await created(client, session_data={"step": "old"}, user_id="ann")
        given = {"backend": backend, "config_updates": {**plain, **hidden}}
        tried = await ask(client, "configure_serverless_storage", **given)
        assert tried["test"]["ok"] and not tried["switched"] and "confirm=true" in tried["summary"]
        assert "1 document" in tried["summary"] and "redis" not in user_file().read_text()
        assert await ring.get(next(iter(hidden)).replace("_", "-")) is None

        done = await ask(client, "configure_serverless_storage", **given, copy=True, confirm=True)
        assert done["switched"] and done["copied"] == 1
        assert (await ask(client, "get_serverless_session", session_id=old))["data"] == {"step": "old"}
        new = await created(client, session_data={"step": "new"}, user_id="ann")
        assert list((app.settings.data_dir / "shared").rglob(f"*{new}*")) == []
        checks = {one["name"]: one for one in (await ask(client, "health_check"))["checks"]}
        assert checks["shared documents"]["state"] == "ok" and backend in checks["shared documents"]["advice"]
        for secret in hidden.values():
            assert secret not in json.dumps([tried, done, checks])
    text = user_file().read_text()
    assert text.startswith("# mine\nsearch_limit = 7  # not five\n") and text.endswith("[later]\nx = 1\n")
    assert load().shared_storage == backend
    async with product_in(shop) as (_, client):  # the next start finds settings in the file and secrets in the keyring
        listed = await ask(client, "list_serverless_sessions", user_id="ann", project_id="shop")
        assert {one["id"] for one in listed["sessions"]} == {old, new}
        back = await ask(client, "configure_serverless_storage", backend="local", confirm=True)
        assert back["switched"] and "2 documents" in back["summary"] and "left there" in back["summary"]


async def test_whatever_tools_keep_in_the_shared_storage_is_copied(product_in, shop, ring):
    async with product_in(shop, shared_storage="memory") as (app, client):
        names = {tool.name for tool in await client.list_tools()}
        calls = {
            "create_serverless_session": {"session_data": {}},
            "create_project_group": {"name": "all", "projects": ["shop-1a2b3c", "till-1a2b3c"], "description": "both"},
            "add_project_dependency": {
                "source_project": "shop-1a2b3c",
                "target_project": "till-1a2b3c",
                "dependency_type": "uses",
            },
            "create_team": {"team_id": "core", "name": "Core", "description": "all of us", "owner_id": "ann"},
        }
        for name, given in calls.items():
            if name in names:
                await ask(client, name, **given)
        kept = (await app.shared_storage.current._made()).storage
        assert {collection for collection, _ in kept._documents} <= set(COLLECTIONS)


async def test_a_backend_that_fails_changes_nothing(product_in, shop, ring):
    async with product_in(shop) as (app, client):
        given = {"redis_url": "redis://127.0.0.1:1/0", "redis_password": "hush-hush-hush"}
        reply = await ask(client, "configure_serverless_storage", backend="redis", config_updates=given, confirm=True)
        assert not reply["switched"] and not reply["test"]["ok"] and reply["summary"].startswith("Nothing was changed")
        same = await ask(client, "configure_serverless_storage", backend="local")
        assert "is in use already" in same["summary"] and "switches" not in same["summary"]
        assert not user_file().exists() and await ring.get("redis-password") is None
        assert app.shared_storage.settings.shared_storage == "local" and "hush" not in json.dumps(reply)


@pytest.mark.parametrize(
    ("backend", "given", "said"),
    [
        ("redis", {"redis_url": "redis://:hush@127.0.0.1/0"}, "SESSION_MGMT_REDIS_PASSWORD"),
        ("redis", {"s3_bucket": "b"}, "no setting of redis"),
        ("redis", {"search_limit": "9"}, "no setting of redis"),
        ("local", {"redis_url": "redis://127.0.0.1/0"}, "takes none"),
        ("s3", {"s3_secret_access_kye": "hush"}, "takes s3_bucket"),
    ],
)
async def test_what_does_not_belong_there_is_refused_without_its_value(product_in, shop, ring, backend, given, said):
    async with product_in(shop) as (_, client):
        with pytest.raises(ToolError, match=said) as caught:
            await ask(client, "configure_serverless_storage", backend=backend, config_updates=given, confirm=True)
        assert "hush" not in str(caught.value) and not user_file().exists()


async def test_where_no_keyring_is_secrets_are_refused_and_nothing_is_changed(product_in, shop, ring, place):
    ring.there = False
    plain, hidden = place("redis")
    async with product_in(shop) as (app, client):
        with pytest.raises(ToolError, match="SESSION_MGMT_REDIS_PASSWORD") as caught:
            await ask(
                client,
                "configure_serverless_storage",
                backend="redis",
                config_updates={**plain, **hidden},
                confirm=True,
            )
        assert hidden["redis_password"] not in str(caught.value)
        assert not user_file().exists() and app.shared_storage.settings.shared_storage == "local"


async def test_a_file_that_cannot_be_written_leaves_the_keyring_as_it_was(product_in, shop, ring, place, monkeypatch):
    plain, hidden = place("redis")
    await ring.set("redis-password", "of before")

    def full(file, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("session_mgmt_mcp.settings_file._replace", full)
    async with product_in(shop) as (app, client):
        with pytest.raises(ToolError, match="cannot be written"):
            await ask(
                client,
                "configure_serverless_storage",
                backend="redis",
                config_updates={**plain, **hidden},
                confirm=True,
            )
        assert await ring.get("redis-password") == "of before"
        assert app.shared_storage.settings.shared_storage == "local"


async def test_the_environment_that_overrides_is_named(product_in, shop, ring, place, in_environment):
    plain, hidden = place("redis")
    in_environment({**hidden, "redis_url": plain["redis_url"]})
    async with product_in(shop) as (app, client):
        given = {"redis_url": "redis://127.0.0.1:1/0", "redis_namespace": plain["redis_namespace"]}
        reply = await ask(client, "configure_serverless_storage", backend="redis", config_updates=given, confirm=True)
        assert reply["switched"] and "SESSION_MGMT_REDIS_URL in the environment" in reply["summary"]
        assert app.shared_storage.settings.redis_url == plain["redis_url"]


@pytest.mark.parametrize("backend", REMOTE)
async def test_no_secret_is_written_or_answered_anywhere(product_in, shop, ring, place, backend, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    plain, hidden = place(backend)
    replies = []
    async with product_in(shop) as (_, client):
        for confirm in (False, True):
            given = {"backend": backend, "config_updates": {**plain, **hidden}, "confirm": confirm}
            replies.append(await ask(client, "configure_serverless_storage", **given))
        id = await created(client, session_data={"a": 1})
        for name in ("test_serverless_storage", "health_check", "status", "server_info"):
            replies.append(await ask(client, name))
        replies.append(await ask(client, "get_serverless_session", session_id=id))
        wrong = {**plain, **{name: value[:-1] + "!" for name, value in hidden.items()}}
        replies.append(await ask(client, "configure_serverless_storage", backend=backend, config_updates=wrong))
        assert not replies[-1]["test"]["ok"]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 3
    for secret in (*hidden.values(), *wrong.values()):
        if secret not in plain.values():
            assert secret not in json.dumps(replies) and secret not in caplog.text
            assert not any(secret.encode() in text for text in written)


async def test_while_redis_is_away_everything_else_works(product_in, shop, ring):
    settings = {"session_storage": "redis", "shared_storage": "redis", "redis_url": "redis://127.0.0.1:1/0"}
    async with product_in(shop, **settings) as (_, client):
        stored = await ask(client, "store_reflection", content="The cache must be reset after a schema change.")
        assert stored["id"]
        found = await ask(client, "reflect_on_past", query="when do I reset the cache?")
        assert found["hits"]
        with pytest.raises(ToolError, match="Redis"):
            await ask(client, "list_serverless_sessions")
        checks = {one["name"]: one for one in (await ask(client, "health_check"))["checks"]}
        assert checks["documents"]["state"] == checks["shared documents"]["state"] == "fail"


@pytest.mark.parametrize(("backend", "module"), [("redis", "redis"), ("s3", "obstore")])
async def test_a_missing_extra_is_named(product_in, shop, ring, backend, module, monkeypatch, in_environment):
    import sys

    in_environment({"s3_access_key_id": "a", "s3_secret_access_key": "b"})
    for name in [name for name in sys.modules if name.split(".")[0] == module or f"adapters.{backend}." in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    async with product_in(shop, shared_storage=backend, s3_bucket="bucket") as (_, client):
        with pytest.raises(ToolError, match=rf"session-mgmt-mcp\[{backend}\]"):
            await ask(client, "list_serverless_sessions")


def test_the_file_and_what_leads_to_it_are_the_owners_only(tmp_path):
    from session_mgmt_mcp import settings_file

    elsewhere = tmp_path / "dotfiles" / "settings.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text("search_limit = 7\n")
    user_file().parent.mkdir(parents=True)
    user_file().symlink_to(elsewhere)
    settings_file.write({"shared_storage": "redis"})
    assert user_file().is_symlink() and load().shared_storage == "redis" and load().search_limit == 7
    assert elsewhere.stat().st_mode & 0o077 == 0 and list(elsewhere.parent.iterdir()) == [elsewhere]
