from dataclasses import replace
from datetime import UTC, datetime

from session_mgmt_mcp.domain.adoption import adopt
from session_mgmt_mcp.ports.vector_store import Record

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
OLD = Record("a", "turn", f"use {SECRET}", "shop", datetime(2025, 1, 1, tzinfo=UTC), tags=(SECRET,))


def test_no_secret_of_the_original_is_taken_over():
    (record,) = adopt(replace(OLD, metadata={"source": "original", "original": {"note": [SECRET]}}))
    assert SECRET not in repr(record)
    assert record.metadata["source"] == "original" and record.metadata["trust"] == "user" and record.content_hash


def test_a_long_one_gets_its_parts_and_an_empty_one_is_left():
    assert len(adopt(replace(OLD, text="word " * 1_000))) > 1
    assert adopt(replace(OLD, text=" \n")) == ()


def test_one_knows_the_files_it_mentions():
    assert adopt(replace(OLD, text="see src/cart.py"))[0].files == ("src/cart.py",)
