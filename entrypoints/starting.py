"""The tools `start` and `session_welcome`: what they find and do, from all services."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from session_mgmt_mcp import current, layouts, shortcuts
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.beginning import in_words, left_for
from session_mgmt_mcp.domain import templates
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.handoff_page import title
from session_mgmt_mcp.domain.llm.polish_document import State
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.stack import Stack
from session_mgmt_mcp.domain.quality.trend import Trend
from session_mgmt_mcp.domain.quoting import quoted
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.sessions import Session
from session_mgmt_mcp.ports.errors import Conflict, Invalid
from session_mgmt_mcp.ports.package_manager import Synced
from session_mgmt_mcp.ports.project_files import Language

TOLD = 1_100  # tokens; the reply stays below 1,500 but for what a package manager printed
INSTALLED = "installed"


@dataclass(frozen=True, slots=True)
class Begun:
    """What the tool `start` found and did."""

    summary: str
    session: Session
    stack: str
    score: Score
    trend: Trend
    told: str
    shortcuts: str
    template: str
    synced: Synced | None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `start` does only when asked to. `template` is written when the user has confirmed it."""

    sync_dependencies: bool = False
    shortcuts: bool = False
    template: Language | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    summary: str
    told: str
    hints: list[str]


async def begin(app: Application, folder: Path, wishes: Wishes) -> Begun:
    """Raises Invalid for what was not granted or confirmed, and what scoring, syncing and writing a layout raise."""
    session = await current.started(app, folder)
    project = await app.projects.project_of(str(folder))  # another one's, if the call is about another folder
    if wishes.template is not None and wishes.confirmed:
        await app.grants.require(Operation.REPO_WRITE, project)
    written = await asyncio.to_thread(_laid_out, folder, wishes)
    stack = await app.quality.stack(folder)
    synced = await _synced(app, project, folder, stack) if wishes.sync_dependencies else None
    score = await app.quality.score(folder)
    trend = await app.quality.trend(project)
    left = await left_for(app, session)
    reminders = await app.reminders.lines(session.project)
    told = in_words(left, session.project, app.sessions.now(), reminders, TOLD)
    await app.sessions.update(session.id, briefed=True)
    before = f"goes on from {title(left.handoff)}" if left.handoff else "is the first of this project that is told of"
    earlier = f"before: {trend.total}, {trend.direction}" if trend.total is not None else "the first score"
    total = (
        f"quality {score.total}/100 ({earlier})" if score.total is not None else f"no score ({score.note.rstrip('.')})"
    )
    return Begun(
        summary=f"The session {before}; {total}; {stack.in_words()}.",
        session=session,
        stack=stack.in_words(),
        score=score,
        trend=trend,
        told=told,
        shortcuts=await _shortcuts(app, wishes.shortcuts),
        template=written or offered(stack),
        synced=synced,
    )


async def welcome(app: Application, session: Session) -> Welcome:
    """What a session that asks is told; hints for whoever is new here."""
    left = await left_for(app, session)
    hints = []
    if await app.ledger.last_import() is None:
        hints.append(
            "Run `session-mgmt-mcp import` once: what Claude Code still has of earlier sessions is then found."
        )
    if not session.automatic:
        hints.append("This folder is in no git repository: call start and end yourself.")
    if not session.transcript:
        hints.append("No hook has told of this session: `session-mgmt-mcp setup` registers them.")
    if left.summary is not None and left.summary.state is State.FAILED:
        hints.append(f"No language model wrote a summary of the last session: {quoted(left.summary.why)}")
    since = f"{session.started:%Y-%m-%d %H:%M} UTC"
    last = f"Before it: {title(left.handoff)}." if left.handoff else "Nothing is known of earlier sessions here."
    summary = f"Session of {since} in {session.folder}, project {session.project}. {last}"
    return Welcome(summary, in_words(left, session.project, app.sessions.now(), budget=TOLD), hints)


def offered(stack: Stack) -> str:
    """A starting layout that could be written, for a project that has yet to begin; else nothing."""
    found = templates.offer(stack)
    return found.summary if found else ""


def _laid_out(folder: Path, wishes: Wishes) -> str:
    if wishes.template is None:
        return ""
    return f"Written: {', '.join(layouts.apply(folder, wishes.template, wishes.confirmed))}."


async def _synced(app: Application, project: str, folder: Path, stack: Stack) -> Synced:
    await app.grants.require(Operation.DEPENDENCY_SYNC, project)
    if not stack.managers:
        raise Invalid("sync_dependencies: this project has no manifest of a package manager that is known.")
    synced = await app.package_manager.sync(stack.managers[0], folder)
    return replace(synced, output=redact(synced.output).text)


async def _shortcuts(app: Application, asked: bool) -> str:
    """Written when asked for, and with the very first start; afterwards whoever removed them is left in peace."""
    known = await app.storage.get(INSTALLED, "shortcuts")
    if known is not None and not asked:
        return ""
    done = await asyncio.to_thread(shortcuts.install_shortcuts)
    with suppress(Conflict):
        await app.storage.put(INSTALLED, "shortcuts", {}, expected_version=known.version if known else 0)
    return shortcuts.summary(done)
