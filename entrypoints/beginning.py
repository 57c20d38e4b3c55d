"""What a session is told at its beginning, from all services."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.briefing import BUDGET, Section, compose
from session_mgmt_mcp.domain.contexts import Context
from session_mgmt_mcp.domain.handoff import Handoff
from session_mgmt_mcp.domain.handoff_page import page
from session_mgmt_mcp.domain.handoffs import digest_of
from session_mgmt_mcp.domain.llm.polish import briefed
from session_mgmt_mcp.domain.llm.polish_document import Kept
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.quoting import named, quoted
from session_mgmt_mcp.domain.related import related
from session_mgmt_mcp.domain.sessions import Session
from session_mgmt_mcp.domain.text import counted, opaque_id, snippet
from session_mgmt_mcp.ports.vector_store import Record

LOOKED_BACK = 5  # handoffs among which another session's is looked for
CONTEXTS, MEMORIES = 3, 5
SHARES = {"handoff": 850, "summary": 250, "contexts": 180, "memories": 350}  # tokens; a summary's are the handoff's


@dataclass(frozen=True, slots=True)
class Left:
    """What earlier sessions left for this one."""

    handoff: Handoff | None
    contexts: Sequence[Context]
    memories: Sequence[Record]
    summary: Kept | None = None  # what became of a language model's, of the handoff
    work: str = ""  # by which such a summary names what it is of


NOTHING = Left(None, (), ())


async def left_for(app: Application, session: Session) -> Left:
    """The handoff of the project's session that ended last, work that was left unfinished, and memories near to both."""
    recent = await app.handoffs.recent(session.project, LOOKED_BACK)
    handoff = next((one for one in recent if one.session != session.id), None)
    told = {session.id, handoff.session if handoff else ""}  # the handoff says how its own session stood
    contexts = [one for one in await app.contexts.interrupted(session.project) if one.place.session not in told]
    memories: Sequence[Record] = ()
    summary = await app.handoffs.summary(handoff.session) if handoff else None
    work = await digest_of(handoff) if handoff and summary and summary.polished else ""
    if handoff is not None:
        memory = opaque_id(handoff.project, Kind.HANDOFF, handoff.session)
        memories = await related(app.store, memory, handoff.session, MEMORIES)
    return Left(handoff, contexts[:CONTEXTS], memories, summary, work)


def in_words(left: Left, project: str, now: datetime, reminders: Sequence[str] = (), budget: int = BUDGET) -> str:
    """At most `budget` tokens; empty when nothing was left."""
    sections = [Section("# Reminders", [f"- {line}" for line in reminders], 600)]
    if left.handoff is not None:
        handoff = replace(left.handoff, reminders=())  # they are told by themselves, as they stand now
        polished = left.summary.polished if left.summary else None
        share = SHARES["handoff"] - (SHARES["summary"] if polished else 0)
        sections.append(_section(page(handoff, share, unasked=True), share))
        if polished:
            sections.append(Section(*briefed(polished, left.work), SHARES["summary"]))
    work = [_of_context(one) for one in left.contexts]
    sections.append(Section("# Work that was left unfinished", work, SHARES["contexts"]))
    memories = [
        f"- {one.kind}, {one.time:%Y-%m-%d}: {quoted(snippet(one.text, ''))} [{one.id}]" for one in left.memories
    ]
    sections.append(Section("# Memories near to it (reflect_on_past finds more)", memories, SHARES["memories"]))
    return compose(project, now, sections, budget)


def _section(text: str, share: int) -> Section:
    title, *lines = [line for line in text.splitlines() if line.strip()]
    return Section(title, lines, share + 50)


def _of_context(context: Context) -> str:
    work = context.work
    where = f"on {named(work.branch)}" if work.branch else "on a detached HEAD" if work.repository else "outside of git"
    todos = [todo for todo in work.todos if todo.state != "completed"]
    parts = [counted(len(work.changed), "changed file"), counted(len(todos), "open todo")]
    return (
        f"- {context.began:%Y-%m-%d %H:%M}, {where} in {named(work.root)}: {', '.join(parts)} ({context.reason}); "
        f"restore_session_context {context.id}"
    )
