import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.lines import Lines, Outbox


@given(st.binary(max_size=200), st.lists(st.integers(1, 50), max_size=20))
def test_however_a_stream_is_cut_the_whole_lines_come_out(stream, cuts):
    lines, found, start = Lines(), [], 0
    for cut in [*cuts, len(stream)]:
        found += lines.feed(stream[start : start + cut])
        start += cut
    assert b"".join(found) == stream[: stream.rfind(b"\n") + 1]
    assert all(line.count(b"\n") == 1 for line in found)


@pytest.mark.parametrize("piece", [1, 7, 64, 10_000])
def test_a_line_beyond_the_limit_leaves_its_ends_and_the_next_line_is_whole(piece):
    lines = Lines(limit=2_000)
    stream = b"begin" + b"x" * 5_000 + b"end\nnext\n"
    found = [line for start in range(0, len(stream), piece) for line in lines.feed(stream[start : start + piece])]
    assert found == [b"next\n"]
    [(head, tail)] = lines.too_long
    assert head.startswith(b"begin")
    assert tail.endswith(b"end\n")
    assert len(head) + len(tail) < 1_100


def test_an_outbox_writes_what_the_pipe_takes_and_keeps_the_rest():
    reading, writing = os.pipe()
    box = Outbox(writing)
    text = bytes(range(256)) * 4_000
    box.add(text)
    box.write()
    assert 0 < box.size < len(text)
    got = b""
    while box.size:
        got += os.read(reading, 100_000)
        box.write()
    got += os.read(reading, 1_000_000)
    os.close(writing)
    while more := os.read(reading, 1_000_000):
        got += more
    os.close(reading)
    assert got == text


def test_an_outbox_whose_reader_is_gone_says_so():
    reading, writing = os.pipe()
    os.close(reading)
    box = Outbox(writing)
    box.add(b"x\n")
    with pytest.raises(BrokenPipeError):
        box.write()
    os.close(writing)
