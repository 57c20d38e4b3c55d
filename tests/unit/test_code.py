"""Code that stands in conversations."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.code import BLOCKS, KEPT, Piece, blocks, code_parts, gone, language_of, undiffed
from session_mgmt_mcp.ports.vector_store import Record

TURN = Record("t1", "turn", "said", "shop", datetime(2026, 3, 1, tzinfo=UTC), session="s", role="user", position=4)


def test_fenced_blocks_are_found_with_their_language():
    text = "Try:\n```py\ndef total():\n    return 0\n```\nor\n  ~~~ts title=x\n  let a = 1\n  ~~~\nand ``` inline ```"
    assert list(blocks(text)) == [Piece("def total():\n    return 0", "python"), Piece("  let a = 1", "typescript")]


def test_a_block_without_a_language_and_an_empty_one():
    assert list(blocks("```\nx = 1\n```\n```go\n\n```")) == [Piece("x = 1", "")]


@given(st.text("`~\n abc", max_size=200))
def test_whatever_is_fenced_is_bounded_and_stands_in_the_text(text):
    found = list(blocks(text))
    assert len(found) <= BLOCKS and all(piece.text in text for piece in found)


def test_a_language_is_known_by_extension_or_tag():
    names = ["a/cart.py", "cart.tsx", "x.hpp", "C:\\x\\main.rs", "golang", "sh", "output", "a/notes", "Makefile"]
    assert [language_of(name) for name in names] == ["python", "tsx", "cpp", "rust", "go", "bash", "", "", ""]


def test_code_is_a_part_that_is_not_read_for_words():
    [part] = code_parts(TURN, [Piece("x" * (KEPT + 9), "go", "src/cart.go", "old")])
    assert (part.id, part.parent, part.kind, part.worded) == ("t1.c1", "t1", "code", False)
    assert (part.session, part.position, part.files, part.facts) == ("s", 4, ("src/cart.go",), ("language:go",))
    assert len(part.text) == KEPT
    assert part.metadata["code"] == {"language": "go", "file": "src/cart.go", "change": "changed", "before": "old"}


def test_code_that_was_only_taken_away_is_kept_as_removed():
    [part] = code_parts(TURN, [Piece("", "go", "src/cart.go", "func old() {}")])
    assert part.text == "func old() {}" and part.metadata["code"]["change"] == "removed"


def test_of_what_stood_before_only_the_lines_that_went_are_kept():
    assert gone("a\nb\nc", "a\nx\nc") == "b"
    assert gone("a\nb", "") == "a\nb"


def test_a_diff_has_a_new_side():
    assert undiffed("diff --git a b\n--- a\n+++ b\n@@ -1 +1 @@\n ctx\n-old\n+new") == "ctx\nnew"
