"""What a report of pytest says of a failure: the error, and the places it went through."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

LONGEST_MESSAGE = 4_000
LONGEST_WORD = 300
_E_LINE = re.compile(r"^E(?: (.*))?$", re.MULTILINE)
_PLACE = re.compile(
    r'^(?:E +)?(?:File "(?P<file>[^"\n]+)", line (?P<at>\d+)|(?P<path>[^\s<>"][^\n]*?):(?P<line>\d+): )', re.M
)
_LIBRARY = re.compile(r"/(site-packages|dist-packages|python3\.\d+)/")


@dataclass(frozen=True, slots=True)
class Failure:
    """`places`: files with lines, the innermost last, as pytest names them."""

    message: str = ""
    places: Sequence[tuple[str, int]] = ()


def failure_of(report: Mapping[str, Any]) -> Failure:
    """Of a report that did not pass, whatever form its `longrepr` has."""
    match report.get("longrepr"):
        case {"reprcrash": {"message": str()}}:
            return _of_exception(report["longrepr"])
        case {"longrepr": str(text)} | str(text):
            return Failure(_cut(_e_lines(text) or text), list(_places_in(text)))
        case [str(file), int(line), str(reason)]:
            return Failure(_cut(reason), [(file, line)])
        case _:
            return Failure(_cut(str(report.get("wasxfail") or "")))


def _of_exception(said: Mapping[str, Any]) -> Failure:
    crash, trace = said["reprcrash"], said.get("reprtraceback") or {}
    before = [one[1] for one in (said.get("chain") or [])[:-1] if len(one) > 1 and isinstance(one[1], dict)]
    causes = [str(one.get("message", "")) for one in reversed(before)]
    message = _with_e_lines("\n\nafter ".join([crash["message"], *causes]), trace)
    places = list(_places_of(trace)) or [(str(crash.get("path", "")), int(crash.get("lineno") or 0))]
    return Failure(_cut(message), places)


def within(file: Path, folder: Path) -> str:
    """From `folder`, with `/`; empty for what lies elsewhere, or is a library's."""
    whole = os.path.normpath(file)
    inside = os.path.relpath(whole, folder)
    if inside.startswith("..") or _LIBRARY.search(f"/{inside}"):
        return ""
    return Path(inside).as_posix()


def _with_e_lines(message: str, trace: Mapping[str, Any]) -> str:
    lines = [line for entry in trace.get("reprentries") or [] for line in (entry.get("data") or {}).get("lines") or []]
    told = _e_lines("\n".join(lines))
    return message if " ".join(told.split()) in " ".join(message.split()) else f"{message}\n{told}"


def _e_lines(text: str) -> str:
    return dedent("\n".join(_E_LINE.findall(text))).strip()


def _places_of(trace: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for entry in trace.get("reprentries") or []:
        place = (entry.get("data") or {}).get("reprfileloc") or {}
        if isinstance(place.get("path"), str) and isinstance(place.get("lineno"), int):
            yield place["path"], place["lineno"]


def _places_in(text: str) -> Iterator[tuple[str, int]]:
    for match in _PLACE.finditer(text):
        yield match["file"] or match["path"], int(match["at"] or match["line"])


def _cut(text: str) -> str:
    """Between words, where a space is near: half of a token is not known as one."""
    if len(text) <= LONGEST_MESSAGE:
        return text
    kept = text[: LONGEST_MESSAGE - 1]
    word = kept[-LONGEST_WORD:].split()[-1:]
    whole = bool(word) and len(word[0]) < LONGEST_WORD and not kept[-1:].isspace()
    return (kept[: -len(word[0])] if whole else kept) + "…"
