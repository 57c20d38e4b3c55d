"""The neutral format of retrieval sets: conversations with turns, and questions with the turns or sessions that answer them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Turn:
    id: str
    session: str
    time: datetime
    speaker: str
    text: str
    position: int  # in its session


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    category: str
    gold: frozenset[str]  # turns
    gold_sessions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    turns: Sequence[Turn]
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    name: str
    conversations: Sequence[Conversation]


def read_set(path: Path) -> RetrievalSet:
    """Raises ValueError with one sentence for a file that is not in the format."""
    document = _read(path)
    if not isinstance(document.get("conversations"), list):
        raise ValueError(f"{path} has no list of conversations: see the format in benchmarks/README.md.")
    return RetrievalSet(
        str(document.get("name") or path.stem), [_conversation(one) for one in document["conversations"]]
    )


def read_questions(path: Path) -> tuple[str, Sequence[Question]]:
    """A set's name and questions, which stand by themselves or below conversations."""
    document = _read(path)
    asked = list(document.get("questions") or [])
    asked += [question for one in document.get("conversations") or [] for question in one.get("questions") or []]
    if not asked:
        raise ValueError(f"{path} has no questions.")
    return str(document.get("name") or path.stem), [_question(one, str(at), {}) for at, one in enumerate(asked)]


def selected(conversations: Sequence[Conversation], positions: str | None) -> Sequence[Conversation]:
    """Those at `A-B` or `A`, counted from 1; all without it.

    >>> [one.id for one in selected([Conversation(name, (), ()) for name in "abc"], "2-3")]
    ['b', 'c']
    """
    if not positions:
        return conversations
    first, _, last = positions.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal() or int(first) < 1:
        raise ValueError(f"--conversations {positions}: give positions as 6-10 or 3.")
    return conversations[int(first) - 1 : int(last or first)]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path} is not a JSON object.")
    return document


def _conversation(one: Mapping[str, Any]) -> Conversation:
    turns: list[Turn] = []
    places: dict[str, int] = {}
    known = datetime(2000, 1, 1, tzinfo=UTC)
    for raw in one["turns"]:
        session = str(raw["session"])
        known = _time(raw.get("time"), known)
        turns.append(
            Turn(
                str(raw["id"]), session, known, str(raw.get("speaker") or ""), str(raw["text"]), places.get(session, 0)
            )
        )
        places[session] = places.get(session, 0) + 1
    session_of = {turn.id: turn.session for turn in turns}
    asked = one.get("questions") or []
    return Conversation(str(one["id"]), turns, [_question(raw, str(at), session_of) for at, raw in enumerate(asked)])


def _question(raw: Mapping[str, Any], at: str, session_of: Mapping[str, str]) -> Question:
    gold = frozenset(str(turn) for turn in raw.get("gold") or ())
    sessions = frozenset(str(session) for session in raw.get("gold_sessions") or ())
    sessions |= {session_of[turn] for turn in gold if turn in session_of}
    return Question(str(raw.get("id") or at), str(raw["text"]), str(raw.get("category") or "all"), gold, sessions)


def _time(given: object, known: datetime) -> datetime:
    """As given, in UTC unless it says otherwise; a turn without a time is as old as the one before."""
    try:
        time = datetime.fromisoformat(str(given))
    except ValueError:
        return known
    return time if time.tzinfo else time.replace(tzinfo=UTC)
