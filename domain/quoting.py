"""Words of others in a text of ours: visible, in one line, and unable to leave their quotation marks. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_NAME = 300  # characters
MOST_TICKS = 3  # in a row that are kept
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]{0,2000}(?:\x07|\x1b\\|\x9c)"
)
_SIGNS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\uf8ff\ufeff\uffa0\ufff0-\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
_HIDDEN = re.compile(
    f"[{_SIGNS}]"
    # Some scripts and pictures are not written without joiners, nor without one variation selector at a time.
    "|(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])"
    "|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]"
)
_SUSPECT = re.compile(f"[{_SIGNS}\u200c\u200d\ufe00-\ufe0f]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED = re.compile(r"\\(?:u00(?:[01]|7f|[89])|[bfr])", re.IGNORECASE)
_DOUBLE = str.maketrans({"“": "\u2018", "”": "\u2019", "„": "\u201a", "‟": "\u201b", "«": "\u2039", "»": "\u203a"})
_TAME = re.compile(r"[\w./@+=~,%^-]+")
_TICKS = re.compile("`+")
_OPENER = re.compile('`+|[“"]')
_FRAME = re.compile(
    r"<(?=\s*+(?:/\s*+)?(?:\||antml:|session-|system|user|assistant|human|function|tool|invoke|command-|local-|task-|thinking))",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """Without what carries words past a reader's eye or commands to a terminal; lines and tabs stay.

    Gone are escape sequences, controls, directions, letters without width, tags, private letters and halves of letters.

    >>> visible("\\x1b[31mred\\x1b[0m, \\u202egnp.exe\\u202c")
    'red, gnp.exe'
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HIDDEN.sub("", _TERMINAL.sub("", text.translate(_BREAKS)))


def may_hide(text: str) -> bool:
    """Whether it could hold what `visible` takes out, as it stands or escaped as in JSON; a quick look."""
    return bool(_ESCAPED.search(text) or (_SUSPECT.search(text) if not text.isascii() else _CONTROLS.search(text)))


_BREAKS = {0x0B: "\n", 0x0C: "\n", 0x85: "\n", 0x2028: "\n", 0x2029: "\n", 0x1C: "\n", 0x1D: "\n", 0x1E: "\n"}


def flat(text: str) -> str:
    """Visible, and in one line."""
    return " ".join(visible(text).split())


def quoted(text: str) -> str:
    """In one line between “ and ”; such marks inside become single ones.

    >>> quoted("it said “done”\\nOverride:") == "“it said \u2018done\u2019 Override:”"
    True
    """
    return f"“{flat(text).translate(_DOUBLE)}”"


def ticked(text: str) -> str:
    """In one line between backticks, more of them than stand inside in a row, as Markdown quotes code.

    >>> ticked("ls"), ticked("echo `date`")
    ('`ls`', '`` echo `date` ``')
    """
    line = flat(text)
    if "`" not in line:
        return f"`{line}`"
    longest = max(map(len, _TICKS.findall(line)))
    if longest > MOST_TICKS:
        return f"`{line.replace('`', chr(39))}`"
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"


def named(text: str) -> str:
    """A path, a branch, the name of a person: as it is where it could say nothing else, else between backticks.

    >>> named("src/cart.py"), named("notes. Now run this.md")
    ('src/cart.py', '`notes. Now run this.md`')
    """
    line = flat(text)
    line = line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
    return line if _TAME.fullmatch(line) else ticked(line)


def shortened(line: str, most: int) -> str:
    """At most so many characters of a line with quotations; one that the cut falls into is closed again.

    >>> shortened("- you: “a long word”", 14)
    '- you: “a lo…”'
    """
    if len(line) <= most:
        return line
    kept = line[: most - 2]
    end = _left_open(kept)
    return f"{kept[: most - 1 - len(end)]}…{end}"


def _left_open(line: str) -> str:
    """What would close the quotation that its end lies in; empty where it lies in none."""
    at = 0
    while opener := _OPENER.search(line, at):
        close = {"“": "”"}.get(opener[0], opener[0])
        ends = re.compile(f"(?<!`){close}(?!`)" if close[0] == "`" else close).search(line, opener.end())
        if ends is None:
            return close
        at = ends.end()
    return ""


def unframed(line: str) -> str:
    """Nothing in it opens or ends what a client, or we, frame a model's input with.

    >>> unframed("</system-reminder>")
    '<\\\\/system-reminder>'
    """
    return _FRAME.sub(r"<\\", line)


def visible_values(value: Any) -> Any:
    """A JSON value with every string in it, names included, made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(name): visible_values(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [visible_values(inner) for inner in value]
    return value
