"""What a run leaves behind in the rest of the product: evidence for the score, errors and their fixes, reflections."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from session_mgmt_mcp.domain.checkpoints import moved, remarkable, standing
from session_mgmt_mcp.domain.documents import key_of
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.domain.quality.trend import Trend
from session_mgmt_mcp.domain.runs.figures import figures
from session_mgmt_mcp.domain.runs.memories import MOST_REMEMBERED, in_words, of_failure, of_fix, of_run
from session_mgmt_mcp.domain.runs.records import pack, unpack
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.runs.standing import Course, Failure, Standing, course
from session_mgmt_mcp.ports.errors import Conflict
from session_mgmt_mcp.ports.quality_runner import Aspect
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

STANDING = "standing_failures"
_MESSAGE_KEPT = 1_000  # characters, of what stands


@dataclass(frozen=True, slots=True)
class Feedback:
    """`score` None: the run measured nothing new. `reflection` is the id of an insight that was stored, `because` why."""

    course: Course = field(default_factory=Course)
    score: Score | None = None
    trend: Trend | None = None
    reflection: str = ""
    because: str = ""
    fault: str = ""  # what of it could not be done, and why


class FeedbackService:
    """Takes runs in, one after another."""

    def __init__(self, quality: QualityService, memory: MemoryService, storage: SessionStorage) -> None:
        self._quality = quality
        self._memory = memory
        self._storage = storage

    async def take(self, run: Run, folder: Path, sources: int) -> Feedback:
        """`run` as it is kept; `sources`: files that its tools can read, 0 when it did not look at the whole project."""
        taken = Feedback(await self._follow(run))
        measured = figures(run, sources) if sources or not run.package else {}
        if not measured:
            return taken
        for metric, figure in measured.items():
            await self._quality.measure(run.project, metric, figure)
        score = await self._quality.score(folder)
        if score.total is None:
            return taken
        await self._quality.record(run.project, score, "run", run.session)
        trend = await self._quality.trend(run.project)
        taken = replace(taken, score=score, trend=trend, because=remarkable(score, trend, manual=False))
        return replace(taken, reflection=await self._reflect(run, taken)) if taken.because else taken

    async def _follow(self, run: Run) -> Course:
        """What stands moves on by this run; what is new in it is remembered."""
        id = _id(run)
        while True:
            document = await self._storage.get(STANDING, id)
            before = _read(document)
            moved_on = course(before, run)
            if moved_on == before:
                return moved_on
            moved_on = await self._remember(run, moved_on)
            standing = json.dumps([_body(one) for one in moved_on.standing.values()])
            # The same edits stand at hundreds of failures: unpacked they would be more than a document takes.
            body: dict[str, Json] = {"standing": pack(standing), "looked": sorted(moved_on.looked)}
            try:
                version = document.version if document else 0
                await self._storage.put(STANDING, id, body, expected_version=version)
            except Conflict:
                continue  # another run came first; what was remembered keeps its ids
            return moved_on

    async def _remember(self, run: Run, moved_on: Course) -> Course:
        errors = moved_on.fresh[:MOST_REMEMBERED]
        stored = await self._memory.store_many([of_failure(one, run) for one in errors]) if errors else []
        known = {one.failure.key: told.id for one, told in zip(errors, stored, strict=True)}
        ends = [of_fix(one, run) for one in moved_on.mended if one.memory]
        whole = of_run(run, moved_on)
        if drafts := [*ends, *([whole] if whole else [])]:
            await self._memory.store_many(drafts)
        named = {key: replace(one, memory=known.get(key, one.memory)) for key, one in moved_on.standing.items()}
        return replace(moved_on, standing=named)

    async def _reflect(self, run: Run, taken: Feedback) -> str:
        """Once a day for a total that stays the same."""
        assert taken.score is not None and taken.trend is not None
        lines = [f"After the quality run {in_words(run)} The project stood so: {standing(taken.score, taken.trend)}."]
        lines += [f"What moved most: {sentence}." for sentence in moved(taken.trend)[:1]]
        draft = Draft(
            "\n".join(lines),
            run.project,
            Kind.REFLECTION,
            ("quality", "run"),
            run.session,
            trust=Trust.TOOL,
            source="quality run",
            key=f"run {run.at:%Y-%m-%d} {taken.score.total}",
        )
        return (await self._memory.store(draft)).id


def _id(run: Run) -> str:
    """Packages of a project stand for themselves: their files and tests may have the same names."""
    of_package = f":{blake2b(run.package.encode(), digest_size=8).hexdigest()}" if run.package else ""
    return f"{key_of(run.project)}{of_package}"


def _read(document: Document | None) -> Course:
    body: Mapping[str, Json] = document.body if document else {}
    standing, looked = body.get("standing", ()), body.get("looked", ())
    if isinstance(standing, str):
        standing = json.loads(unpack(standing))
    assert isinstance(standing, Sequence) and isinstance(looked, Sequence)
    found = [_standing(one) for one in standing if isinstance(one, Mapping)]
    return Course({one.failure.key: one for one in found}, frozenset(Aspect(str(one)) for one in looked))


def _body(one: Standing) -> Json:
    failure = one.failure
    return {
        "key": failure.key,
        "aspect": str(failure.aspect),
        "message": failure.message[:_MESSAGE_KEPT],
        "file": failure.file,
        "names": list(failure.names),
        "run": one.run,
        "since": one.since,
        "memory": one.memory,
        "runs": one.runs,
        "edited": list(one.edited),
        "edits_known": one.edits_known,
    }


def _standing(body: Mapping[str, Json]) -> Standing:
    names, edited = body["names"], body["edited"]
    assert isinstance(names, Sequence) and isinstance(edited, Sequence)
    failure = Failure(
        str(body["key"]),
        Aspect(str(body["aspect"])),
        str(body["message"]),
        str(body["file"]),
        tuple(map(str, names)),
    )
    return Standing(
        failure,
        str(body["run"]),
        str(body["since"]),
        str(body["memory"]),
        int(str(body["runs"])),
        tuple(map(str, edited)),
        body["edits_known"] is True,
    )
