"""Which files changed in folders that the user named, and which programs ran meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field
from session_mgmt_mcp import recall, watching
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.activity import ActiveFile, Insights, Stretch, Summary
from session_mgmt_mcp.domain.activity_monitor import Named
from session_mgmt_mcp.domain.monitors import Monitor
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.interruptions import MonitorState
from session_mgmt_mcp.tools.registry import Inject, tool
from session_mgmt_mcp.watching import Seen

SHOWN = 20
Hours = Annotated[int, Field(ge=1, le=168, description="So far back; seven days are kept.")]
Everything = Annotated[
    str | None, Field(max_length=200, description="A project's name or id; default: all folders that were named.")
]


class WatchedFolder(BaseModel):
    """`within` is a folder that was named before, holds this one and is watched in its place."""

    folder: str
    project: str
    folders: int
    within: str


class AppStartReply(BaseModel):
    summary: str
    watched: list[WatchedFolder]

    @classmethod
    def of(cls, named: Sequence[Named], max_tokens: int) -> Self:
        watched = [
            WatchedFolder(
                folder=one.monitor.folder, project=one.monitor.project, folders=one.folders, within=one.within
            )
            for one in named
        ]
        summary = (
            f"Activity is noted in {', '.join(one.folder for one in watched)}: names and times of files that change, "
            "without what git ignores, and names of known editors, browsers and the like that run. It is kept for "
            "seven days, survives restarts, and goes on until stop_app_monitoring."
        )
        return within(cls(summary=summary, watched=watched), max_tokens, "watched")


class AppStopReply(BaseModel):
    summary: str
    stopped: list[MonitorState]

    @classmethod
    def of(cls, stopped: Sequence[Monitor], max_tokens: int) -> Self:
        named = ", ".join(monitor.folder for monitor in stopped)
        summary = f"Activity is no longer noted in {named}. What was noted is deleted after seven days."
        reply = cls(
            summary=summary if stopped else "Activity was not noted anywhere, nothing was changed.",
            stopped=[MonitorState.of(monitor) for monitor in stopped],
        )
        return within(reply, max_tokens, "stopped")


class FileActivity(BaseModel):
    """A file from the folder that was named; times are to the minute."""

    path: str
    project: str
    changes: int
    first: datetime
    last: datetime

    @classmethod
    def of(cls, file: ActiveFile) -> Self:
        return cls(path=file.path, project=file.project, changes=file.changes, first=file.first, last=file.last)


class SummaryReply(BaseModel):
    """`minutes` in which something changed; `programs` ran in so many of them and others."""

    summary: str
    monitoring: bool
    changes: int
    files: int
    minutes: int
    projects: dict[str, int]
    kinds: dict[str, int]
    programs: dict[str, int]
    categories: dict[str, str]
    busiest: list[FileActivity]
    monitors: list[MonitorState]

    @classmethod
    def of(cls, found: tuple[Seen, Summary], hours: int, max_tokens: int) -> Self:
        seen, said = found
        amount = (
            f"{counted(said.changes, 'change')} of {counted(said.files, 'file')} in {counted(said.minutes, 'minute')}"
        )
        editors = [name for name, kind in said.categories.items() if kind == "editor"]
        ran = f" Editors that ran: {', '.join(editors)}." if editors else ""
        reply = cls(
            summary=f"{amount} of the last {counted(hours, 'hour')}.{ran} {_monitoring(seen)}".strip(),
            monitoring=_on(seen),
            changes=said.changes,
            files=said.files,
            minutes=said.minutes,
            projects=dict(said.projects),
            kinds=dict(list(said.kinds.items())[:SHOWN]),
            programs=dict(said.programs),
            categories={name: str(kind) for name, kind in said.categories.items()},
            busiest=[FileActivity.of(file) for file in said.busiest[:SHOWN]],
            monitors=[MonitorState.of(monitor) for monitor in seen.monitors],
        )
        return within(reply, max_tokens, "monitors", "busiest", "kinds")


class StretchOfWork(BaseModel):
    start: datetime
    end: datetime
    minutes: int
    projects: dict[str, int]

    @classmethod
    def of(cls, stretch: Stretch) -> Self:
        return cls(start=stretch.start, end=stretch.end, minutes=stretch.minutes, projects=dict(stretch.projects))


class FilePair(BaseModel):
    """Two files that changed in the same `minutes`."""

    one: str
    other: str
    minutes: int


class InsightsReply(BaseModel):
    """`minutes` by project; `share` is that of `focus`; `areas` are changes by project and folder."""

    summary: str
    monitoring: bool
    focus: str
    share: float
    minutes: dict[str, int]
    switches: int
    stretches: list[StretchOfWork]
    areas: dict[str, int]
    together: list[FilePair]
    monitors: list[MonitorState]

    @classmethod
    def of(cls, found: tuple[Seen, Insights], max_tokens: int) -> Self:
        seen, said = found
        longest = max((stretch.minutes for stretch in said.stretches), default=0)
        focus = (
            f"{said.share:.0%} of the minutes in {said.focus}, {counted(said.switches, 'switch', 'switches')} between "
            f"projects, {counted(len(said.stretches), 'stretch', 'stretches')} of work, the longest with changes in "
            f"{counted(longest, 'minute')}."
        )
        reply = cls(
            summary=f"{focus if said.focus else 'Nothing changed.'} {_monitoring(seen)}".strip(),
            monitoring=_on(seen),
            focus=said.focus,
            share=round(said.share, 3),
            minutes=dict(said.minutes),
            switches=said.switches,
            stretches=[StretchOfWork.of(stretch) for stretch in said.stretches[-SHOWN:]],
            areas=dict(list(said.areas.items())[:SHOWN]),
            together=[FilePair(one=one, other=other, minutes=minutes) for one, other, minutes in said.together],
            monitors=[MonitorState.of(monitor) for monitor in seen.monitors],
        )
        return within(reply, max_tokens, "monitors", "together", "areas", "stretches")


class ActiveFilesReply(BaseModel):
    summary: str
    monitoring: bool
    files: list[FileActivity]
    total: int
    monitors: list[MonitorState]

    @classmethod
    def of(cls, found: tuple[Seen, Sequence[ActiveFile]], minutes: int, max_tokens: int) -> Self:
        seen, files = found
        amount = f"{counted(len(files), 'file')} changed in the last {counted(minutes, 'minute')}, the latest first."
        reply = cls(
            summary=f"{amount if files else 'No change was noted.'} {_monitoring(seen)}".strip(),
            monitoring=_on(seen),
            files=[FileActivity.of(file) for file in files],
            total=len(files),
            monitors=[MonitorState.of(monitor) for monitor in seen.monitors],
        )
        return within(reply, max_tokens, "files", "monitors")


def _on(seen: Seen) -> bool:
    return any(monitor.state == "on" for monitor in seen.monitors)


def _monitoring(seen: Seen) -> str:
    ended = [monitor for monitor in seen.monitors if monitor.state == "ended"]
    if _on(seen):
        late = [monitor.since for monitor in seen.monitors if monitor.state == "on"]
        return f"Noted since {min(late).replace(microsecond=0).isoformat()} only." if min(late) > seen.since else ""
    if ended:
        return f"Monitoring of {ended[0].folder} has ended: {ended[0].why}"
    return "Monitoring is off: start_app_monitoring turns it on, for the folders that the user names."


@tool(idempotent=True, hint="start activity monitoring applications files editor track work")
async def start_app_monitoring(
    project_paths: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=4_096)]] | None,
        Field(max_length=20, description="Absolute paths of folders; default: the client's project folder."),
    ] = None,
    app: Application = Inject,
) -> AppStartReply:
    """Note from now on which files change inside the named folders, and which known programs run meanwhile.

    Use it only when the user asks for it, and for the folders they name. No contents, no window titles, no browser
    history, no arguments of programs; what git ignores is left out.
    """
    return AppStartReply.of(await watching.start_activity(app, project_paths), recall.budget(app))


@tool(idempotent=True, hint="stop activity monitoring off privacy")
async def stop_app_monitoring(app: Application = Inject) -> AppStopReply:
    """Stop noting activity, in all folders."""
    return AppStopReply.of(await app.activity.stop(), recall.budget(app))


@tool(read_only=True, hint="activity summary files changed programs running last hours")
async def get_activity_summary(hours: Hours = 2, project: Everything = "*", app: Application = Inject) -> SummaryReply:
    """How much changed lately in the folders that are monitored: files, minutes, kinds, busiest files, programs that ran.

    Use it for "what did I work on this morning". For what was said and decided: search_temporal.
    """
    return SummaryReply.of(await watching.activity_summary(app, hours, project), hours, recall.budget(app))


@tool(read_only=True, hint="focus context insights switches stretches work pattern projects")
async def get_context_insights(hours: Hours = 1, project: Everything = "*", app: Application = Inject) -> InsightsReply:
    """How work went lately in the folders that are monitored: focus, switches between projects, stretches, areas, files that change together.

    Use it for how attention was spread; for amounts get_activity_summary.
    """
    return InsightsReply.of(await watching.activity_insights(app, hours, project), recall.budget(app))


@tool(read_only=True, hint="recently changed active files being edited now")
async def get_active_files(
    minutes: Annotated[int, Field(ge=1, le=10_080, description="So far back.")] = 60,
    project: Everything = "*",
    app: Application = Inject,
) -> ActiveFilesReply:
    """Files that changed lately in the folders that are monitored, the latest first, by whoever changed them.

    Use it for what is being worked on right now. For what sessions did with a file: search_by_file.
    """
    return ActiveFilesReply.of(await watching.active_files(app, minutes, project), minutes, recall.budget(app))
