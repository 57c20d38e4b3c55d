from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.parts import FIRST, LENGTH, MOST, WHOLE, embedding_text, split
from session_mgmt_mcp.ports.vector_store import Record


def turn(text: str, role: str = "user") -> Record:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return Record(
        id="a", kind="turn", text=text, project="p", time=time, session="s", role=role, position=7, metadata={"k": 1}
    )


def test_a_short_record_has_no_parts():
    record = turn("x" * WHOLE)
    assert split(record) == [record]


def test_parts_carry_where_they_come_from():
    whole, *parts = split(turn("word " * 500))
    assert [p.id for p in parts] == [f"a.{n}" for n in range(1, len(parts) + 1)]
    for part in parts:
        assert (part.parent, part.kind, part.session, part.role, part.position, part.metadata) == (
            "a", "turn", "s", "user", 7, {"k": 1},
        )  # fmt: skip
        assert part.vector is None
    assert whole.parent == ""


def test_parts_begin_and_end_between_words():
    text = " ".join(f"word{n}" for n in range(1_000))
    words = set(text.split())
    for part in split(turn(text))[1:]:
        assert set(part.text.split()) <= words


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=90), min_size=30, max_size=200))
def test_the_beginning_and_the_parts_cover_the_whole_text(gaps: list[int]):
    alphabet = (chr(0x4E00 + n) for n in range(20_000))  # each character once: the place of a part is certain
    text = " ".join("".join(next(alphabet) for _ in range(gap + 1)) for gap in gaps)
    covered = min(WHOLE, len(text))
    for part in split(turn(text))[1:]:
        at = text.index(part.text)
        assert FIRST <= at <= covered
        assert 0 < len(part.text) <= LENGTH
        covered = at + len(part.text)
    assert covered == len(text)


def test_a_huge_text_has_a_bounded_number_of_parts():
    assert len(split(turn("y" * 1_000_000))) == 1 + MOST


def test_the_model_reads_who_spoke_and_the_beginning_only():
    assert embedding_text(turn("hello", role="assistant")) == "assistant: hello"
    assert embedding_text(turn("hello", role="")) == "hello"
    assert len(embedding_text(turn("z" * 10_000_000))) < 3_000
