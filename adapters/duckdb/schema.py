"""The tables, their version, and the way from older versions to this one."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from session_mgmt_mcp.ports.errors import Unsupported

VERSION = 4
DIMENSIONS = 384
OPENINGS_KEPT = 50

FACTS = """['tool:' || json_extract_string(metadata, '$.call.tool')]
    || case when json_extract_string(metadata, '$.call.ok') = 'false' then ['outcome:failed'] else [] end"""
IS_CALL = """contains(metadata, '"call"')
    and case when json_valid(metadata) then json_exists(metadata, '$.call.tool') else false end"""
"""json_valid: half a surrogate pair is none to DuckDB."""

LEDGER = (
    """create table if not exists cursors(
        path varchar primary key, inode ubigint not null, "offset" bigint not null, entries bigint not null,
        state varchar not null, moved bigint not null)""",
    "create table if not exists projects(folder varchar primary key, project varchar not null)",
)
"""Made again where they are missing: without them transcripts are read from their beginning, no more."""

MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        """create table memory(
            seq bigint not null, revision bigint not null, id varchar not null, kind varchar not null,
            text varchar not null, project varchar not null, session varchar not null, role varchar not null,
            parent varchar not null, metadata varchar not null, content_hash varchar not null,
            time bigint not null, position bigint not null, tags varchar[] not null)""",
        "create index memory_seq on memory(seq)",
        f"""create table vectors(
            seq bigint not null, revision bigint not null, model_id varchar not null,
            vector float[{DIMENSIONS}] not null)""",
        "create index vectors_seq on vectors(seq)",
        "create table gone(seq bigint not null, revision bigint not null)",
        "create table openings(number bigint not null, token varchar not null)",
        *LEDGER,
    ),
    2: (
        "alter table memory add column files varchar[] default []",
        "alter table memory add column facts varchar[] default []",
        "alter table memory add column worded boolean default true",
        # Only what tool calls touched is known of older rows.
        f"""update memory set
            files = coalesce(list_distinct(from_json(json_extract(metadata, '$.call.files'), '["VARCHAR"]')), []),
            facts = {FACTS} where {IS_CALL}""",  # noqa: S608
    ),
    3: (
        """create table searches(
            number bigint not null, time bigint not null, tool varchar not null, project varchar not null,
            query varchar not null, hits bigint not null, best double, milliseconds double not null)""",
    ),
    4: (
        # The first files of version 2 had only `files` of what is added there.
        "alter table memory add column if not exists facts varchar[] default []",
        "alter table memory add column if not exists worded boolean default true",
        f"update memory set facts = {FACTS} where len(coalesce(facts, [])) = 0 and {IS_CALL}",  # noqa: S608
    ),
}
"""By version, the statements that lead to it from the one before. `revision` counts every change of a record or vector
and never goes back: what came after a snapshot is what has a higher one. `gone` remembers deletions by it."""


def tables(connection: Any) -> set[str]:
    rows = connection.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
    return {name for (name,) in rows}


def version(connection: Any) -> int:
    """0 for a database without our tables."""
    if "meta" not in tables(connection):
        return 0
    row = connection.execute("select value from meta where key = 'schema_version'").fetchone()
    return int(row[0]) if row else 0


def migrate(
    connection: Any, path: Path, to: int = VERSION, migrations: Mapping[int, Sequence[str]] = MIGRATIONS
) -> None:
    """Brings the tables to version `to`, in one transaction. Raises Unsupported for a newer one."""
    found = version(connection)
    if found > to:
        raise Unsupported(
            f"{path} was written by a newer session-mgmt-mcp (schema {found}, this one knows {to}): update this one."
        )
    if found == to:
        for statement in LEDGER:
            connection.execute(statement)
        return
    connection.execute("begin")
    try:
        connection.execute("create table if not exists meta(key varchar primary key, value varchar not null)")
        for step in range(found + 1, to + 1):
            for statement in migrations[step]:
                connection.execute(statement)
        connection.execute("insert or replace into meta values ('schema_version', ?)", [str(to)])
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def openings(connection: Any) -> list[str]:
    """The last one last."""
    return [token for (token,) in connection.execute("select token from openings order by number").fetchall()]


def note_opening(connection: Any) -> str:
    """Marks this opening. A snapshot names the opening it was made in, so that none outlives its own history."""
    token = uuid.uuid4().hex
    (last,) = connection.execute("select coalesce(max(number), 0) from openings").fetchone()
    connection.execute("begin")
    connection.execute("insert into openings values (?, ?)", [last + 1, token])
    connection.execute("delete from openings where number <= ?", [last + 1 - OPENINGS_KEPT])
    connection.execute("commit")
    return token


def last_revision(connection: Any) -> int:
    row = connection.execute(
        """select greatest((select coalesce(max(revision), 0) from memory), (select coalesce(max(revision), 0) from vectors),
        (select coalesce(max(revision), 0) from gone))"""
    ).fetchone()
    return int(row[0])
