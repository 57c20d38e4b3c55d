"""Opening a database: a folder on this machine, or a prefix of a bucket."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("LANCEDB_LOG", "error")  # read once, when it is loaded; else it writes warnings to stderr

import lancedb
import orjson
from session_mgmt_mcp.adapters.lancedb import schema
from session_mgmt_mcp.adapters.lancedb.failures import corrupt
from session_mgmt_mcp.ports.errors import Invalid, Unavailable, Unsupported

PATIENCE = 60.0
"""Seconds that one call of Lance may take, repetitions over the network included; then it is given up."""
TABLE_OPTIONS = {"new_table_enable_stable_row_ids": "true"}
NETWORK_OPTIONS = {
    "connect_timeout": "5s",
    "timeout": "20s",
    "client_max_retries": "2",
    "client_retry_timeout": "6",
}
KEY_ID, SECRET, NO_SIGNATURE = "aws_access_key_id", "aws_secret_access_key", "aws_skip_signature"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is. `folder` is None for one on object storage."""

    uri: str
    options: Mapping[str, str]
    folder: Path | None

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        return f"Place({self.uri})"  # its options are secrets


def place_of(uri: str, options: Mapping[str, str] | None) -> Place:
    """Raises Invalid for an address of another kind, and for S3 without credentials: nothing else is asked for any."""
    given = dict(options or {})
    if "://" not in uri:
        folder = Path(uri).expanduser().absolute()
        return Place(str(folder), {**TABLE_OPTIONS, **given}, folder)
    if not uri.startswith("s3://") or not uri.removeprefix("s3://").strip("/"):
        raise Invalid("lancedb_uri: give a folder or s3://bucket/prefix.")
    if "@" in uri.removeprefix("s3://").partition("/")[0]:
        raise Invalid("lancedb_uri: give no credentials in it; they come from the environment or the keyring.")
    if NO_SIGNATURE not in given and not (given.get(KEY_ID) and given.get(SECRET)):
        raise Invalid(
            "S3 needs credentials: set SESSION_MGMT_S3_ACCESS_KEY_ID and SESSION_MGMT_S3_SECRET_ACCESS_KEY, or keep them "
            "in the keyring as s3-access-key-id and s3-secret-access-key."
        )
    return Place(uri.rstrip("/"), {"aws_region": "us-east-1", **NETWORK_OPTIONS, **TABLE_OPTIONS, **given}, None)


def s3_options(endpoint: str, region: str, key_id: str, secret: str, token: str = "") -> dict[str, str]:
    """`storage_options` of a bucket; `endpoint` is empty for Amazon's own."""
    options = {KEY_ID: key_id, SECRET: secret, "aws_session_token": token, "aws_region": region}
    if endpoint:
        options |= {"aws_endpoint": endpoint, "aws_virtual_hosted_style_request": "false"}
    if endpoint.startswith("http://"):
        options["allow_http"] = "true"
    return {name: value for name, value in options.items() if value}


def prepare(folder: Path) -> None:
    """Makes the folder, for its owner only: Lance makes what is in it by the umask."""
    if folder.exists() and not folder.is_dir():
        raise Unavailable(f"{folder} is a file: name a folder.", retry_after=60)
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        one.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unavailable(f"{folder} is not writable: make it so or choose another folder.", retry_after=60)


async def connect(place: Place) -> Any:
    """A table that it opens stays at the version that was the newest then."""
    return await lancedb.connect_async(place.uri, storage_options=dict(place.options))


async def open_table(database: Any, place: Place) -> Any:
    """The table of memories, made when there is none. Raises Unsupported for a newer schema, Corrupt for another."""
    last = 0 if place.folder is None else await asyncio.to_thread(last_version, place.folder)
    if schema.TABLE not in (await database.list_tables()).tables:
        with contextlib.suppress(ValueError):  # somebody else makes it now
            return await database.create_table(schema.TABLE, schema=schema.SCHEMA)
    table = await database.open_table(schema.TABLE)
    check(await table.schema(), place)
    if await table.version() < last:
        raise corrupt(str(place), "its newest version")
    return table


def last_version(folder: Path) -> int:
    """As Lance notes it beside the versions, so that one is missed when it is gone; 0 when nothing is noted."""
    try:
        noted = (folder / f"{schema.TABLE}.lance" / "_versions" / "latest_version_hint.json").read_bytes()
        return int(orjson.loads(noted)["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def check(found: Any, place: Place) -> None:
    version = int((found.metadata or {}).get(schema.VERSION_KEY, b"0"))
    if version > schema.VERSION:
        raise Unsupported(
            f"{place} was written by a newer session-mgmt-mcp (schema {version}, this one knows {schema.VERSION}): "
            "update this one."
        )
    if not version and found.names and set(found.names).isdisjoint(schema.SCHEMA.names):
        raise Invalid(f"lancedb_uri: {place} holds a table {schema.TABLE!r} of somebody else; name another place.")
    if not version or not found.equals(schema.SCHEMA, check_metadata=False):
        raise corrupt(str(place), "its columns")
