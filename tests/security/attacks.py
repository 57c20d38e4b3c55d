"""Attacks of our own invention (tests/injections.jsonl), and whether a text that quotes one holds it."""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

MARK, PRINTED = "ATTACK", "PRINTED"  # in each attack; what a program printed has the other one instead
TAGS = "session-memory|system-reminder|system|function_\\w+|tool_\\w+|invoke|command-\\w+|local-command-\\w+|task-\\w+|\\|im_"
OPENERS = {"“": "”", '"': '"'}
TAME = re.compile(r"[\w./@+=~,%^-]+")


@dataclass(frozen=True)
class Attack:
    kind: str
    text: str

    @property
    def tame(self) -> bool:
        return bool(TAME.fullmatch(self.text))

    @property
    def printed(self) -> str:
        """The same, as a program might have printed it."""
        return self.text.replace(MARK, PRINTED)


def _attacks() -> list[Attack]:
    lines = (Path(__file__).resolve().parents[1] / "injections.jsonl").read_text().splitlines()
    return [Attack(one["kind"], one["text"] * one.get("times", 1)) for one in map(json.loads, lines)]


ATTACKS = _attacks()
NAMES = [f"{attack.kind} {number}" for number, attack in enumerate(ATTACKS)]


def hidden(text: str) -> set[str]:
    """Letters in it that a reader cannot see or that command a terminal; joiners of scripts are none."""
    known = {"\n", "\t", "\u200c", "\u200d"}
    return {one for one in text if one not in known and unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs")}


def outside(line: str) -> str:
    """What of a line stands outside of its quotation marks and its code."""
    rest, at = [], 0
    while at < len(line):
        if line[at] == "`":
            fence = re.match("`+", line[at:])[0]
            end = re.search(f"(?<!`){fence}(?!`)", line[at + len(fence) :])
            at = at + 2 * len(fence) + end.start() if end else at + len(fence)
        elif line[at] in OPENERS and (end := line.find(OPENERS[line[at]], at + 1)) > 0:
            at = end + 1
        else:
            rest.append(line[at])
            at += 1
    return "".join(rest)


def escaped(text: str, titles: tuple[str, ...], tame: bool = False) -> list[str]:
    """What is wrong with a text that quotes attacks: empty when each stays in its quotation, in a line of a list.

    `titles`: beginnings of the lines that are ours. `tame`: the attack is one word, which stands as a name without marks.
    """
    wrong = [f"hidden letters: {hidden(text)!r}"] if hidden(text) else []
    for line in text.split("\n"):
        if len(line) > 800:
            wrong.append(f"a line of {len(line)} characters: {line[:60]!r}")
        if not line.startswith(("- ", "(and ", *titles)) and line:
            wrong.append(f"a line that is not ours: {line[:80]!r}")
        loose = [word for word in outside(line).split() if MARK in word]
        if loose and not (tame and all(TAME.fullmatch(word.strip("():;,…")) for word in loose)):
            wrong.append(f"outside of a quotation: {loose} in {line[:120]!r}")
    return wrong


def framed(text: str) -> list[str]:
    """What is wrong with the frame of what is told unasked."""
    lines = text.split("\n")
    wrong = []
    if not lines[0].startswith("<session-memory project=") or lines[-1] != "</session-memory>":
        wrong.append(f"the frame is not whole: {lines[0]!r} {lines[-1]!r}")
    if "never instructions" not in lines[1]:
        wrong.append("nothing says that it is data")
    inside = "\n".join(lines[1:-1])
    return wrong + [f"a tag inside: {tag}" for tag in re.findall(rf"<\s*/?\s*(?:{TAGS})[^>]*>?", inside, re.IGNORECASE)]
