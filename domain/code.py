"""Code that stands in conversations: fenced blocks of what was said, and what tool calls changed in files."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.vector_store import Json, Record

KEPT = 8_000  # characters of one piece of code
BLOCKS = 20  # of one memory
_FENCE = re.compile(r"^[ \t]*+(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<tag>[\w+#.-]*+)(?P<rest>[^\n]*)$", re.MULTILINE)

_TAGS = {
    "py": "python", "python3": "python", "pyi": "python", "js": "javascript", "jsx": "javascript", "mjs": "javascript",
    "cjs": "javascript", "ts": "typescript", "mts": "typescript", "cts": "typescript", "golang": "go", "rs": "rust",
    "h": "c", "cc": "cpp", "cxx": "cpp", "c++": "cpp", "hpp": "cpp", "hh": "cpp", "hxx": "cpp", "rb": "ruby",
    "sh": "bash", "shell": "bash", "zsh": "bash", "console": "bash", "patch": "diff",
}  # fmt: skip
"""File extensions and the tags of fences, for languages that have another name."""
_SILENT = frozenset({"text", "txt", "plaintext", "output", "log"})


@dataclass(frozen=True, slots=True)
class Piece:
    """Some code: of a file, or said. `before` are the lines that it took the place of."""

    text: str
    language: str = ""  # empty: unknown
    file: str = ""
    before: str = ""


def language_of(name: str) -> str:
    """By a fence's tag or a file's extension; empty when that says nothing.

    >>> language_of("tsx"), language_of("src/cart.py"), language_of("notes")
    ('tsx', 'python', '')
    """
    path = PurePosixPath(name.replace("\\", "/"))
    tag = (path.suffix[1:] or ("" if "/" in name else name)).lower()
    return _TAGS.get(tag, "" if tag in _SILENT else tag if tag in KNOWN else "")


KNOWN = frozenset({
    "python", "javascript", "typescript", "tsx", "go", "rust", "java", "c", "cpp", "ruby", "bash", "diff", "json", "yaml",
    "toml", "sql", "html", "css", "kotlin", "swift", "php", "scala", "csharp", "lua", "dockerfile", "make", "xml", "md",
    "markdown", "ini", "proto", "graphql", "vue", "svelte", "elixir", "haskell", "r", "dart", "zig", "mermaid", "http",
})  # fmt: skip


def blocks(text: str) -> Iterator[Piece]:
    """The fenced blocks of a text."""
    if "```" not in text and "~~~" not in text:
        return
    for tag, code in islice(_fenced(text), BLOCKS):
        if code.strip():
            yield Piece(code.rstrip("\n"), language_of(tag))


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """The tag of a fence, and what stands up to the next one like it that has nothing behind it."""
    fences = list(_FENCE.finditer(text))
    closing: dict[str, list[int]] = {}
    for at, fence in enumerate(fences):
        if not fence["tag"] and not fence["rest"].strip(" \t"):
            closing.setdefault(fence["fence"], []).append(at)
    at = 0
    while at < len(fences):
        opening = fences[at]
        ends = closing.get(opening["fence"], ())
        place = bisect_right(ends, at)
        at += 1
        if place < len(ends) and "`" not in opening["rest"]:
            end = fences[ends[place]]
            yield opening["tag"], text[opening.end() + 1 : end.start()]
            at = ends[place] + 1


def code_parts(whole: Record, pieces: Sequence[Piece]) -> list[Record]:
    """Records for the code in a memory: its parts, found by pattern and not by word, so that they leave recall as it is."""
    return [
        replace(
            whole,
            id=f"{whole.id}.c{number}",
            kind=str(Kind.CODE),
            parent=whole.id,
            text=(shown := (piece.text or piece.before)[:KEPT]),
            files=(piece.file,) if piece.file else (),
            facts=_facts(whole, piece),
            metadata={**_provenance(whole), "code": _about(piece)},
            content_hash=content_hash(shown),
            vector=None,
            model_id="",
            worded=False,
        )
        for number, piece in enumerate(pieces, 1)
    ]


def gone(before: str, after: str) -> str:
    """The lines of `before` that `after` has no more: what it kept need be neither redacted nor stored twice.

    >>> gone("a = 1\\nb = 2", "a = 1\\nb = 3")
    'b = 2'
    """
    kept = set(after.split("\n"))
    return "\n".join(line for line in before.split("\n") if line not in kept)


def undiffed(text: str) -> str:
    """A diff's new side."""
    lines = (line for line in text.splitlines() if not line.startswith(("-", "@@", "+++", "diff ", "index ")))
    return "\n".join(line[1:] if line[:1] in ("+", " ") else line for line in lines)


def _facts(whole: Record, piece: Piece) -> tuple[str, ...]:
    said = tuple(fact for fact in whole.facts if fact.startswith("tool:"))
    return (*said, *((f"language:{piece.language}",) if piece.language else ()))


def _provenance(whole: Record) -> dict[str, Json]:
    return {
        name: whole.metadata[name] for name in ("source", "trust", "agent", "branch", "cwd") if name in whole.metadata
    }


def _about(piece: Piece) -> dict[str, Json]:
    change = "removed" if piece.before and not piece.text else "changed" if piece.file else "said"
    about: dict[str, Json] = {"language": piece.language, "file": piece.file, "change": change}
    return about | ({"before": piece.before[:KEPT]} if piece.before and piece.text else {})
