"""Times that somebody names, read in the time zone of whoever asks."""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from session_mgmt_mcp.domain.intervals import Interval, interval_of
from session_mgmt_mcp.domain.periods import hour_from
from session_mgmt_mcp.domain.spans import Span, day_of, month_of, week_of, year_of
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.date_parser import DateParser, Moment, Precision
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_repository import GitRepository, Tag

_TAG = re.compile(r"[a-z][\w.+/-]*\d[\w.+/-]*")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+(?:[-.+]?[a-z0-9.]+)?")
_RELEASE = re.compile(
    r"(?:the )?(?:(last|latest|newest|most recent|previous) )?(?:(?:git )?tag|(?:version|release)(?: tag)?)(?: (\S+))?"
)


class IntervalService:
    """Reads intervals. A moment that the grammar does not know may be a tag of the caller's repository, or a date."""

    def __init__(self, parser: DateParser, git: GitRepository, clock: Clock, zone: tzinfo) -> None:
        self._parser = parser
        self._git = git
        self._clock = clock
        self._zone = zone

    @property
    def zone(self) -> tzinfo:
        return self._zone

    async def read(self, text: str, folder: str = "") -> Interval:
        """`folder` lies in the repository whose tags may be named. Raises Invalid, with examples or the tag that is missing."""
        missing: list[str] = []

        async def named(name: str, now: datetime) -> Span | None:
            found = await self._tag(name, folder) or _span(await self._parser.parse(name, now), now)
            if found is None and (_RELEASE.fullmatch(name) or _VERSION.fullmatch(name)):
                missing.append(name)
            return found

        try:
            return await interval_of(text, self._clock.now().astimezone(self._zone), named)
        except Invalid:
            if not missing:
                raise
            raise Invalid(f"There is no tag here for {missing[0][:60]!r}: name another one, or a date.") from None

    async def _tag(self, name: str, folder: str) -> Span | None:
        release = _RELEASE.fullmatch(name)
        if not folder or not (release or _VERSION.fullmatch(name) or _TAG.fullmatch(name)):
            return None
        tag = _chosen(
            await self._git.tags(Path(folder)), release[2] if release else name, release[1] if release else ""
        )
        if tag is None:
            return None
        at = tag.time.astimezone(self._zone)
        return Span(at, at, f"the tag {tag.name} of {at:%Y-%m-%d %H:%M}")


def _chosen(tags: Sequence[Tag], name: str | None, which: str | None) -> Tag | None:
    """By name, with or without the v; else the newest or the one before, versions rather than others."""
    if name:
        wanted = {name.casefold(), f"v{name.casefold()}", name.casefold().removeprefix("v")}
        return next((tag for tag in tags if tag.name.casefold() in wanted), None)
    versions = [tag for tag in tags if _VERSION.search(tag.name.casefold())] or list(tags)
    at = 1 if which == "previous" else 0
    return versions[at] if at < len(versions) else None


def _span(found: Moment | None, now: datetime) -> Span | None:
    if found is None:
        return None
    day = found.at.date()
    match found.precision:
        case Precision.YEAR:
            return year_of(day, now.tzinfo)
        case Precision.MONTH:
            return month_of(day, now.tzinfo)
        case Precision.WEEK:
            return week_of(day, now.tzinfo)
        case Precision.DAY:
            return day_of(day, now.tzinfo)
        case Precision.TIME:
            return hour_from(found.at, now)
