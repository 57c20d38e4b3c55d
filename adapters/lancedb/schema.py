"""The one table: a row a record, with what searches need of it beside it.

Lance gives every row a `_rowid` when its first version is committed, in the order of commits, and with stable row ids an
update or a compaction keeps it: that is the order of first writing.
"""

import pyarrow as pa

VERSION = 1
VERSION_KEY = b"session-mgmt-mcp:schema"
DIMENSIONS = 384
TABLE = "memories"
ROW_ID = "_rowid"
LABELLED = ("tags", "files", "facts")

NAMES = pa.list_(pa.string())
VECTOR = pa.list_(pa.float32(), DIMENSIONS)

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"}),
        pa.field("kind", pa.string()),
        pa.field("text", pa.string()),
        pa.field("project", pa.string()),
        pa.field("session", pa.string()),
        pa.field("role", pa.string()),
        pa.field("position", pa.int64()),
        pa.field("parent", pa.string()),
        pa.field("time", pa.int64()),  # microseconds since the epoch
        pa.field("tags", NAMES),
        pa.field("files", NAMES),
        pa.field("facts", NAMES),
        pa.field("metadata", pa.string()),  # JSON
        pa.field("content_hash", pa.string()),
        pa.field("worded", pa.bool_()),
        pa.field("model_id", pa.string()),  # empty while there is no vector
        pa.field("vector", VECTOR),  # null: none
        pa.field("words", pa.string()),  # terms joined by blanks, each as often as it stands there; null: not worded
        pa.field("length", pa.int32()),  # how many terms those are; 0: not worded
        pa.field("month", pa.string()),  # of `time`, as 2026-11
        pa.field("votes", pa.int64()),  # the number of that name in the metadata; 0: none
        pa.field("sum", pa.int64()),  # of what a record says, without its vector
        pa.field("vector_sum", pa.int64()),  # null: no vector
    ],
    metadata={VERSION_KEY: str(VERSION).encode()},
)
"""Texts are never null (empty instead), except `words`. `id` is Lance's unenforced primary key: without that two processes
that insert the same id at once make two rows of it."""

READ = (
    "id",
    "kind",
    "text",
    "project",
    "session",
    "role",
    "position",
    "parent",
    "time",
    "tags",
    "files",
    "facts",
    "metadata",
    "content_hash",
    "worded",
    "model_id",
    "sum",
)
"""What makes a Record."""

HIT = ("id", "kind", "project", "session", "role", "position", "parent", "time")
"""What makes a Hit, besides its score."""
