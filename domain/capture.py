"""What was said and done in sessions becomes memories: redacted, placed in a project and a session, each once."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

from session_mgmt_mcp.domain.code import Piece, blocks, code_parts, gone, language_of
from session_mgmt_mcp.domain.courtesy import Courtesy
from session_mgmt_mcp.domain.failures import Outcome, error_names, hidden_failure, is_pasted_error, was_stopped
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.mentions import LONGEST, MOST, mentioned
from session_mgmt_mcp.domain.parts import split
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.redaction import Redacted, redact
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.import_ledger import ImportLedger
from session_mgmt_mcp.ports.transcript_source import Batch, Cursor, Entry, ToolCall, Transcript, TranscriptSource
from session_mgmt_mcp.ports.vector_store import Json, Record, VectorStore

SOURCE = "claude-code"
ENTRIES_AT_ONCE = 1_000  # written in one transaction
CHARACTERS_AT_ONCE = 4_000_000
COMMAND_KEPT = 2_000  # characters of a call's command, and of what it was about
ERROR_KEPT = 2_000  # from its end, where the reason stands
_BREATH = 0.001  # seconds between two chances for others on this loop

_KINDS = {"user": Kind.TURN, "assistant": Kind.TURN, "tool": Kind.ACTION, "boundary": Kind.ACTION}
_TRUST = {"user": Trust.USER, "assistant": Trust.ASSISTANT, "tool": Trust.TOOL, "boundary": Trust.TOOL}


@dataclass(frozen=True, slots=True)
class ImportProgress:
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    entries: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What one import did. `entries` were read, `new` of them were unknown before."""

    files: int
    entries: int
    new: int
    skipped: Mapping[str, int]  # lines and blocks that are no memories, by reason
    redacted: Mapping[str, int]  # secrets replaced, by kind
    problems: Sequence[str]  # one sentence a file that could not be read


@dataclass(slots=True)
class _Tally:
    files_total: int
    bytes_total: int
    on_progress: Callable[[ImportProgress], None]
    files: int = 0
    bytes: int = 0
    entries: int = 0
    new: int = 0
    changed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def tell(self, reading: int = 0) -> None:
        done = min(self.bytes + reading, self.bytes_total)
        self.on_progress(ImportProgress(self.files, self.files_total, done, self.bytes_total, self.entries))

    def report(self) -> ImportReport:
        return ImportReport(
            self.files, self.entries, self.new, dict(self.skipped), dict(self.redacted), tuple(self.problems)
        )


@dataclass(slots=True)
class _Unwritten:
    """Entries and how far they lead; written together, so that a crash only means reading again."""

    entries: list[Entry] = field(default_factory=list)
    cursors: dict[Path, Cursor] = field(default_factory=dict)
    characters: int = 0

    def add(self, path: Path, batch: Batch) -> None:
        self.entries += batch.entries
        self.characters += sum(len(entry.text) for entry in batch.entries)
        self.cursors[path] = batch.cursor

    @property
    def full(self) -> bool:
        return len(self.entries) >= ENTRIES_AT_ONCE or self.characters >= CHARACTERS_AT_ONCE


class CaptureService:
    """Takes transcripts in. Doing it twice, after a crash, or for copies of a session changes nothing."""

    def __init__(
        self,
        source: TranscriptSource,
        store: VectorStore,
        ledger: ImportLedger,
        projects: ProjectService,
        on_new: Callable[[], None] = lambda: None,
        *,
        redact: Callable[[str], Redacted] = redact,
        courtesy: Courtesy | None = None,
    ) -> None:
        self._source = source
        self._store = store
        self._ledger = ledger
        self._projects = projects
        self._on_new = on_new
        self._redact = redact
        self._courtesy = courtesy or Courtesy()
        self._one_at_a_time = asyncio.Lock()

    async def import_paths(
        self, roots: Sequence[Path], progress: Callable[[ImportProgress], None] = lambda _: None
    ) -> ImportReport:
        """Everything below `roots` that was not taken in before. What cannot be read is a sentence in the report."""
        transcripts = await self._source.find(roots)
        waiting = deque(transcript for transcript in transcripts if not transcript.problem)
        tally = _Tally(len(waiting), sum(transcript.bytes for transcript in waiting), progress)
        tally.problems += [transcript.problem for transcript in transcripts if transcript.problem]
        tally.tell()
        # Another import may get further meanwhile: then some lines are read twice, which changes nothing.
        cursors = await self._ledger.cursors([transcript.path for transcript in waiting])
        try:
            while waiting:
                async with self._one_at_a_time:  # between two turns a session that is followed gets its own
                    await self._take_some(waiting, cursors, tally)
        finally:
            if tally.changed:
                self._on_new()  # once: words come first, and making vectors meanwhile would take half of the machine
        return tally.report()

    async def follow(self, transcript: Path) -> ImportReport:
        """What one session's transcript, and those of its subagents, have gained."""
        return await self.import_paths([transcript])

    async def _take_some(self, waiting: deque[Transcript], cursors: Mapping[Path, Cursor], tally: _Tally) -> None:
        """Whole files until there is enough for one transaction."""
        unwritten = _Unwritten()
        written = False
        while waiting and not written:
            transcript = waiting.popleft()
            async with aclosing(self._source.read(transcript.path, cursors.get(transcript.path))) as batches:
                while (batch := await _next(batches, tally)) is not None:
                    unwritten.add(transcript.path, batch)
                    tally.entries += len(batch.entries)
                    tally.skipped.update(batch.skipped)
                    if unwritten.full:
                        await self._write(unwritten, tally)
                        unwritten, written = _Unwritten(), True
                    tally.tell(reading=batch.cursor.offset)
                    await self._courtesy.give_way()
            tally.files += 1
            tally.bytes += transcript.bytes
            tally.tell()
        await self._write(unwritten, tally)

    async def _write(self, unwritten: _Unwritten, tally: _Tally) -> None:
        entries = unwritten.entries
        stored = {record.id: record for record in await self._store.get([entry.id for entry in entries])}
        parts: dict[str, Sequence[Record]] = {}
        clock = asyncio.get_running_loop().time
        begun = clock()
        for entry in entries:
            if clock() - begun > _BREATH:
                await self._courtesy.give_way()
                begun = clock()
            before = stored.get(entry.id)
            if before is not None and not _completes(entry, before):
                tally.skipped["copy of another line"] += _place(entry) != (before.session, before.position)
                continue
            record = await self._record_of(entry, tally)
            if record is None:
                tally.skipped["private"] += 1
                continue
            if before is None:
                tally.new += 1
            else:  # the result of a call keeps the call's place, wherever it was read
                record = replace(
                    record, session=before.session, position=before.position, project=before.project, time=before.time
                )
            stored[entry.id] = record
            parts[entry.id] = (*split(record), *code_parts(record, self._code(entry, record)))
        if parts:
            await self._courtesy.give_way()
            await self._store.upsert([part for some in parts.values() for part in some])
            tally.changed += len(parts)
        await self._ledger.set_cursors(unwritten.cursors)

    async def _record_of(self, entry: Entry, tally: _Tally) -> Record | None:
        clean = self._without_secrets(entry)
        tally.redacted.update(clean.counts)
        text = clean.text
        if text.strip() in ("", "[private]"):
            return None
        metadata: dict[str, Json] = {"source": SOURCE, "trust": str(_TRUST[entry.role])}
        metadata |= {name: said for name in ("agent", "branch", "cwd") if (said := getattr(entry, name))}
        files: Sequence[str] = ()
        if (call := entry.call) is None:
            facts = _said_facts(entry.role, text)
        else:
            hidden = hidden_failure(call.command, call.output)
            error = self._clean(call.error or hidden)[-ERROR_KEPT:].strip()
            files = [self._clean(file, "" if clean.counts else entry.text) for file in call.files]
            metadata["call"] = self._call(call, error, files, "" if clean.counts else entry.text)
            failed = (
                f" -> failed: {error}".rstrip(" :") if call.ok is False else f" -> printed: {error}" if error else ""
            )
            text = text[:COMMAND_KEPT] + failed
            facts = _done_facts(call, error)
        if call is None or call.command or call.ok is False:
            files = (*files, *mentioned(text))
        return Record(
            id=entry.id,
            kind=str(_KINDS[entry.role]),
            text=text,
            project=await self._projects.project_of(entry.cwd, entry.home),
            time=entry.time,
            session=entry.session,
            role=entry.role,
            position=entry.position,
            files=tuple(dict.fromkeys(file for file in files if len(file) <= LONGEST))[:MOST],
            facts=(*facts, f"home:{entry.home}") if entry.home else facts,
            metadata=metadata,
            content_hash=content_hash(text),
        )

    def _without_secrets(self, entry: Entry) -> Redacted:
        """Its text; the name of a tool, which is ours, must not hide how the first line of what follows begins."""
        lead = f"{entry.call.tool}: " if entry.call else ""
        if not lead or not entry.text.startswith(lead):
            return self._redact(entry.text)
        clean = self._redact(entry.text[len(lead) :])
        return Redacted(f"{lead}{clean.text}", clean.counts)

    def _clean(self, said: str, harmless: str = "") -> str:
        """`harmless` is a text without secrets: what stands in it needs no second look."""
        return said if said in harmless else self._redact(said).text

    def _code(self, entry: Entry, record: Record) -> list[Piece]:
        """What stands in a turn as a block, or what a call that went well put into a file."""
        if entry.call is None:
            return list(blocks(record.text))
        if not entry.call.ok:
            return []
        pieces = ((self._clean(c.file), gone(c.before, c.after), self._clean(c.after)) for c in entry.call.changes)
        return [
            Piece(after, language_of(file), file, self._clean(lost)) for file, lost, after in pieces if after or lost
        ]

    def _call(self, call: ToolCall, error: str, files: Sequence[str], harmless: str) -> dict[str, Json]:
        return {
            "tool": call.tool,
            "ok": call.ok,
            "files": files,
            "command": self._clean(call.command, harmless)[:COMMAND_KEPT],
            "error": error,
        }


async def _next(batches: AsyncIterator[Batch], tally: _Tally) -> Batch | None:
    """The source's next batch; its trouble with one file is a sentence and does not stop the others."""
    try:
        return await anext(batches, None)
    except (NotFound, Invalid, Unavailable) as error:
        tally.problems.append(str(error))
        return None


def _done_facts(call: ToolCall, error: str) -> tuple[str, ...]:
    tool = (f"tool:{call.tool}",)
    if call.ok is not False and not error:
        return tool
    if was_stopped(error):
        return (*tool, str(Outcome.STOPPED))
    return (*tool, str(Outcome.FAILED if call.ok is False else Outcome.HIDDEN), *_errors(error))


def _said_facts(role: str, text: str) -> tuple[str, ...]:
    return (str(Outcome.PASTED), *_errors(text)) if role == "user" and is_pasted_error(text) else ()


def _errors(text: str) -> list[str]:
    return [f"error:{name}" for name in error_names(text)]


def _completes(entry: Entry, stored: Record) -> bool:
    """Whether `entry` brings the result that a stored call was waiting for."""
    call = stored.metadata.get("call")
    return entry.call is not None and entry.call.ok is not None and isinstance(call, Mapping) and call.get("ok") is None


def _place(entry: Entry) -> tuple[str, int]:
    return entry.session, entry.position
