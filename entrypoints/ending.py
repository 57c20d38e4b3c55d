"""A session's end: what is left of its transcript is taken in, a handoff is made, the record is closed."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from session_mgmt_mcp import current
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain import contexts
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.handoff import Handoff
from session_mgmt_mcp.domain.handoff_page import FILE, page, title
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.trend import Trend
from session_mgmt_mcp.domain.sessions import Reason, Session, State
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Invalid, Unavailable

OURS = b"<!-- session-mgmt-mcp: a handoff, written on request -->"
WRITTEN = 3_000  # tokens


async def end(app: Application, session: Session, reason: str, at: datetime | None = None) -> Session | None:
    """Ends it once: one that is closed stays as it is, but for what a tool ended and its client ends now."""
    if session.state is State.CLOSED and session.reason != Reason.ASKED:
        return session
    transcript = session.transcript if session.transcript and Path(session.transcript).is_file() else ""
    if transcript:
        await app.capture.follow(Path(transcript))
    if session.kept:
        await hand_off(app, session, at)
        lost = reason == Reason.LOST
        kept_for = contexts.Reason.SESSION_LOST if lost else contexts.Reason.SESSION_END
        await app.contexts.preserve(session.id, session.project, session.folder, transcript, kept_for)
    return await app.sessions.close(session.id, reason, at)


async def hand_off(app: Application, session: Session, at: datetime | None = None) -> Handoff | None:
    """Its handoff as of `at`; None when nothing happened in it. Making it twice is making it once."""
    made = await app.handoffs.make(
        session.id, session.project, session.folder, session.started, session.base or None, session.transcript, at
    )
    if made is not None and not session.handoff:
        await app.sessions.update(session.id, handoff=True)
    return made


@dataclass(frozen=True, slots=True)
class Finished:
    """What the tool `end` found and did. `page` is None when nothing happened in the session."""

    summary: str
    session: Session
    score: Score
    trend: Trend
    page: str | None
    file: str | None
    learned: list[str]


async def finish(app: Application, folder: Path, write_to_repo: bool, polish: bool | None = None) -> Finished:
    """Ends the caller's session on request. Raises Invalid for a write that was not granted or would replace a stranger's file.

    `polish`: whether a language model writes a summary, None as it is set; everything else is done before it is asked.
    """
    project = await app.projects.project_of(str(folder))  # another one's, if the call is about another folder
    if write_to_repo:
        await app.grants.require(Operation.REPO_WRITE, project)
        await asyncio.to_thread(_check_ours, await app.projects.top_of(folder) / FILE)
    session = await current.started(app, folder)
    score = await app.quality.score(folder)
    [last, *_] = [*await app.quality.latest(project, 1), None]
    if last is None or (last.session, last.trigger, last.score.total) != (session.id, "end", score.total):
        await app.quality.record(project, score, "end", session.id)
    ended = await end(app, session, Reason.ASKED, app.sessions.now()) or session
    learned = await app.learning.learn(session.id, session.project)
    handoff = await app.handoffs.of(session.id)
    file, told, before = None, "", list[str]()
    if handoff is not None:
        top = await app.projects.top_of(folder) if write_to_repo else None
        file = str(await _left(app, handoff, top))
        told = await app.polishing.asked(session.id, polish)
        before = await app.handoffs.summary_lines(handoff)
        if before and top:
            await _left(app, handoff, top)
    kept = f"{counted(learned.new, 'insight')} kept" if learned.new else "no new insight"
    left = title(handoff) if handoff else "nothing happened in it, so there is no handoff"
    quality = f"quality {'unknown' if score.total is None else f'{score.total}/100'}"
    return Finished(
        summary=f"{'; '.join(part for part in (f'Ended: {left}', kept, quality, told) if part).rstrip('.')}.",
        session=ended,
        score=score,
        trend=await app.quality.trend(project),
        page=page(handoff, before=before) if handoff else None,
        file=file,
        learned=[lesson.text for lesson in learned.lessons],
    )


async def _left(app: Application, handoff: Handoff, top: Path | None) -> Path:
    """Where it can be read: in the top of the repository where that was asked for."""
    if top is None:
        return app.handoffs.file_of(handoff)
    before = await app.handoffs.summary_lines(handoff)
    return await asyncio.to_thread(_write, top, page(handoff, WRITTEN, before=before))


def _write(folder: Path, text: str) -> Path:
    file = folder / FILE
    _check_ours(file)
    unfinished = file.with_name(f".{file.name}.tmp")
    try:
        unfinished.unlink(missing_ok=True)
        with unfinished.open("xb") as new:  # never through a link that somebody left there
            new.write(OURS + b"\n\n" + text.encode())
        return unfinished.replace(file)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise Unavailable(f"{file} cannot be written ({error.strerror}): mend that and call end again.") from error


def _check_ours(file: Path) -> None:
    """There is none, or one of ours."""
    if not file.is_symlink() and not file.exists():
        return
    if file.is_symlink() or not file.is_file() or not _begins_as_ours(file):
        raise Invalid(f"{file} is not ours: move it away, or leave out write_to_repo.")


def _begins_as_ours(file: Path) -> bool:
    with file.open("rb") as there:
        return there.read(len(OURS)) == OURS
