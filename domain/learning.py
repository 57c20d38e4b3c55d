"""What a session taught: a few of its sentences, and how its errors ended, as reflections by category."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.session_records import records_of
from session_mgmt_mcp.domain.session_work import Failed, actions, errors_of
from session_mgmt_mcp.domain.statements import Category, Statement, statements
from session_mgmt_mcp.ports.vector_store import Record, VectorStore

MOST = 5  # of one session
MOST_OF_A_KIND = 2
SURE = 3  # weight of a sentence (see `statements`) from which on it is worth keeping
SOURCE = "learned"
_TRUST = {"user": Trust.USER, "assistant": Trust.ASSISTANT}


@dataclass(frozen=True, slots=True)
class Lesson:
    """`text` is a sentence that was said, or what failed and what it ended with; `refs` are the memories that show it."""

    category: Category
    text: str
    role: str
    time: datetime
    refs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a session taught, and how many of it were new."""

    lessons: Sequence[Lesson]
    new: int


class LearningService:
    """Keeps what a session taught. Doing it twice keeps one of each."""

    def __init__(self, store: VectorStore, memory: MemoryService) -> None:
        self._store = store
        self._memory = memory

    async def learn(self, session: str, project: str) -> Learned:
        """Stores the session's lessons as reflections of its project, tagged `learned` and by category."""
        lessons = await asyncio.to_thread(lessons_of, await records_of(self._store, session))
        drafts = [
            Draft(
                lesson.text,
                project,
                Kind.REFLECTION,
                (SOURCE, str(lesson.category)),
                session=session,
                role=lesson.role,
                time=lesson.time,
                source=SOURCE,
                trust=_TRUST[lesson.role],
            )
            for lesson in lessons
        ]
        stored = await self._memory.store_many(drafts) if drafts else []
        return Learned(lessons, sum(not one.duplicate for one in stored))


def lessons_of(records: Sequence[Record]) -> list[Lesson]:
    """At most MOST of a session's, the surest first, at most MOST_OF_A_KIND of a category."""
    said = [_of_sentence(one) for one in statements(records) if one.weight >= SURE]
    mended = [_of_error(one) for one in errors_of(actions(records)) if _teaches(one)]
    chosen: list[Lesson] = []
    of_kind: Counter[Category] = Counter()
    for lesson in (*mended[:1], *said, *mended[1:]):
        if len(chosen) < MOST and of_kind[lesson.category] < MOST_OF_A_KIND:
            chosen.append(lesson)
            of_kind[lesson.category] += 1
    return chosen


def _teaches(one: Failed) -> bool:
    """A command that failed by a name, and ended well after files were changed."""
    return bool(one.command and one.fixed_ref and one.edits and one.types)


def _of_sentence(one: Statement) -> Lesson:
    return Lesson(one.category, one.text, one.role, one.time, (one.ref,))


def _of_error(one: Failed) -> Lesson:
    """Names and files only: what a program printed may carry anything."""
    text = f"{', '.join(one.types)}: `{one.what}` failed -> `{one.fixed_by}` went well after changes in {', '.join(one.edits)}"
    return Lesson(Category.FIX, redact(text).text, "assistant", one.time, (one.ref, one.fixed_ref))
