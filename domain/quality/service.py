"""A project's score: gathered, kept, and compared with earlier ones."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from session_mgmt_mcp.domain.documents import every, key_of, moment, months
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.quality import records
from session_mgmt_mcp.domain.quality.evidence import Evidence, History, Measured, Metric, Secrets
from session_mgmt_mcp.domain.quality.recommendations import Recommendation, recommend
from session_mgmt_mcp.domain.quality.scoring import Score, score
from session_mgmt_mcp.domain.quality.stack import Stack, stack_of
from session_mgmt_mcp.domain.quality.trend import EARLIER, Recorded, Trend, Trigger, regressions, trend_of
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict
from session_mgmt_mcp.ports.git_repository import GitRepository, Repository
from session_mgmt_mcp.ports.project_files import ProjectFiles, Survey, Text
from session_mgmt_mcp.ports.session_storage import SessionStorage

SCORES = "scores"
MEASUREMENTS = "measurements"
KEPT_DAYS = 400
MOST_COMMITS = 500
FEW_COMMITS = 60  # enough for every rule
_NO_SECRET = frozenset({"private"})  # marked by hand to stay out of memory; nothing is wrong with it in a file
_REMEMBERED = 20_000


class QualityService:
    """Scores what a folder holds; the score of a repository is that of its top, wherever in it one stands."""

    def __init__(
        self, files: ProjectFiles, git: GitRepository, storage: SessionStorage, projects: ProjectService, clock: Clock
    ) -> None:
        self._files = files
        self._git = git
        self._storage = storage
        self._projects = projects
        self._clock = clock
        self._secrets_in: dict[str, int] = {}  # by the hash of a text

    async def score(self, folder: Path) -> Score:
        """Of the project that `folder` lies in. Raises NotFound when the folder is gone."""
        repository = await self._git.find(folder)
        if repository is not None and repository.root == repository.common_dir:
            return Score(
                None, None, (), self._clock.now(), "A bare repository has no files: score one of its worktrees."
            )
        return score(await self.gather(folder))

    async def stack(self, folder: Path) -> Stack:
        """What the project is made with. Raises NotFound when the folder is gone."""
        return stack_of(await self.survey(folder))

    async def survey(self, folder: Path) -> Survey:
        """What the project that `folder` lies in holds. Raises NotFound when the folder is gone."""
        return await self._survey(*await self._top(folder))

    async def gather(self, folder: Path) -> Evidence:
        """Everything that is known now, without judging it. Raises NotFound when the folder is gone."""
        top, repository = await self._top(folder)
        survey = await self._survey(top, repository)
        history, secrets, ignored, measured = await asyncio.gather(
            self._history(top, repository),
            self._secrets(top, survey),
            self._env_ignored(top, repository, survey),
            self._measured(folder),
        )
        return Evidence(
            at=self._clock.now(),
            survey=survey,
            history=history,
            env_ignored=ignored,
            secrets=secrets,
            measured=measured,
        )

    async def record(self, project: str, score: Score, trigger: Trigger, session: str = "") -> Recorded:
        """Keeps a score for the trend; of nothing as well. Two of one moment are two."""
        body = records.body_of(project, score, trigger, session)
        at = score.at
        while True:
            try:
                id = f"{key_of(project)}:{moment(at)}"
                expires = self._clock.now() + timedelta(days=KEPT_DAYS)
                return records.recorded(await self._storage.put(SCORES, id, body, expected_version=0, expires=expires))
            except Conflict:
                at += timedelta(microseconds=1)

    async def history(self, project: str, since: datetime) -> list[Recorded]:
        """Scores since then (aware), oldest first."""
        found: list[Recorded] = []
        for month in months(since, self._clock.now()):
            found += await self._of_month(project, month)
        return [one for one in records.by_time(found) if one.score.at >= since]

    async def trend(self, project: str) -> Trend:
        """The newest stored score against earlier ones, however long ago the product was started."""
        return trend_of(await self.latest(project, EARLIER + 1))

    async def latest(self, project: str, count: int) -> list[Recorded]:
        """The newest `count` scores that say something, oldest first."""
        found: list[Recorded] = []
        async for one in self._backwards(project):
            if len(found) == count:
                break
            if one.score.total is not None:
                found.append(one)
        return found[::-1]

    async def last(self, project: str, trigger: Trigger) -> Recorded | None:
        """The newest that was stored on such an occasion."""
        return await anext((one async for one in self._backwards(project) if one.trigger == trigger), None)

    async def regressions(self, project: str, since: datetime) -> list[str]:
        """What is worse now than at its best since then, one sentence each."""
        return regressions(await self.history(project, since))

    def recommendations(self, score: Score) -> list[Recommendation]:
        """At most five, most points to gain first."""
        return recommend(score)

    async def measure(self, project: str, metric: Metric, measured: Measured) -> None:
        """A run's figure becomes evidence, unless a newer one is known: the place where runs of tools come in."""
        id = f"{key_of(project)}:{metric}"
        while True:
            known = await self._storage.get(MEASUREMENTS, id)
            if known is not None and records.measured_of(known.body).time > measured.time:
                return
            version = known.version if known else 0
            try:
                await self._storage.put(MEASUREMENTS, id, records.measured_body(measured), expected_version=version)
            except Conflict:
                continue
            return

    async def _top(self, folder: Path) -> tuple[Path, Repository | None]:
        repository = await self._git.find(folder)
        return (folder, None) if repository is None else (repository.root, repository)

    async def _survey(self, top: Path, repository: Repository | None) -> Survey:
        return await self._files.survey(top, await self._git.tracked(top) if repository else None)

    async def _history(self, top: Path, repository: Repository | None) -> History | None:
        if repository is None:
            return None
        state, commits, branches = await asyncio.gather(
            self._git.state(top), self._git.log(top, limit=MOST_COMMITS), self._git.branches(top)
        )
        asked = MOST_COMMITS
        if state is not None and state.head is not None and not commits:  # too much to tell in time
            asked = FEW_COMMITS
            commits = await self._git.log(top, limit=asked)
        if state is None or (state.head is not None and not commits):
            return None  # git did not answer
        changed = frozenset(one.path for one in state.changed)
        return History(commits, branches, whole=len(commits) < asked, changed=changed)

    async def _env_ignored(self, top: Path, repository: Repository | None, survey: Survey) -> bool | None:
        if not survey.env_files:
            return None
        if repository is None:
            return None if survey.ignore_files else False
        return set(survey.env_files) <= await self._git.ignored(top, survey.env_files)

    async def _secrets(self, top: Path, survey: Survey) -> Secrets | None:
        found: dict[str, int] = {}
        read = 0
        async for text in self._files.read(top, survey.texts):
            read += 1
            if count := await self._secrets_of(text):
                found[text.path] = count
        return Secrets(found, read, len(survey.texts)) if read or not survey.texts else None

    async def _secrets_of(self, text: Text) -> int:
        key = opaque_id(text.text)
        if key not in self._secrets_in:
            while len(self._secrets_in) >= _REMEMBERED:
                self._secrets_in.pop(next(iter(self._secrets_in)))
            self._secrets_in[key] = await asyncio.to_thread(_count, text.text)
        return self._secrets_in[key]

    async def _measured(self, folder: Path) -> Mapping[Metric, Measured]:
        prefix = f"{key_of(await self._projects.project_of(str(folder)))}:"
        documents = [document async for document in every(self._storage, MEASUREMENTS, prefix)]
        return {Metric(one.id.removeprefix(prefix)): records.measured_of(one.body) for one in documents}

    async def _backwards(self, project: str) -> AsyncIterator[Recorded]:
        """The newest first, read as far as somebody asks."""
        now = self._clock.now()
        for month in reversed(months(now - timedelta(days=KEPT_DAYS), now)):
            for one in reversed(records.by_time(await self._of_month(project, month))):
                yield one

    async def _of_month(self, project: str, month: str) -> list[Recorded]:
        prefix = f"{key_of(project)}:{month}"
        return [records.recorded(document) async for document in every(self._storage, SCORES, prefix)]


def _count(text: str) -> int:
    return sum(count for kind, count in redact(text).counts.items() if kind not in _NO_SECRET)
