"""Sentences of a text, as they stand there."""

import re
from collections.abc import Iterator

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_BETWEEN = re.compile(r"(?<=[.!?])(?<!\b\d\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\betc\.)\s+|\n\s*")
_MARKS = re.compile(r"^(?:[\s#>*\-+|`_=•]|\d{1,2}[.)]\s)+|(?<![\s*`_|])[\s*`_|]+$")


def sentences(text: str) -> Iterator[str]:
    """The sentences of `text` without code blocks, without marks of lists and headings at their ends, in order.

    Each is a piece of the text in which only white space may differ.

    >>> list(sentences("- Keep it. Why?\\n```\\ncode\\n```\\n**Done**"))
    ['Keep it.', 'Why?', 'Done']
    """
    for piece in _BETWEEN.split(_FENCED.sub("\n", text)):
        sentence = " ".join(_without_marks(piece).split())
        if sentence:
            yield sentence


def _without_marks(piece: str) -> str:
    bare = _MARKS.sub("", piece)
    for mark in ("`", "**", "_"):  # one that was opened at the end that was taken off
        if bare.count(mark) % 2:
            where = piece.find(bare)
            if piece[where + len(bare) :].startswith(mark):
                bare += mark
            elif piece[:where].endswith(mark):
                bare = mark + bare
    return bare
