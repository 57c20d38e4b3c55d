"""What one session leaves to the next: made from what was said, done and committed, each line with its evidence. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from session_mgmt_mcp.domain.quoting import flat, shortened
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.session_work import (
    LONGEST,
    Failed,
    Ran,
    Touched,
    actions,
    commands_of,
    cut,
    errors_of,
    files_of,
)
from session_mgmt_mcp.domain.statements import Category, is_prompt, statements
from session_mgmt_mcp.domain.text import content_hash, snippet
from session_mgmt_mcp.ports.git_repository import Commit, DiffStat, WorkingState
from session_mgmt_mcp.ports.transcript_source import Outline, Todo
from session_mgmt_mcp.ports.vector_store import Record

FIRST_PROMPTS, LAST_PROMPTS = 2, 5
PROMPT = 80  # tokens
DECISIONS = 8
COMMITS, FILES, COMMANDS, ERRORS, TODOS, UNCOMMITTED, RUNNING, REMINDERS = 50, 100, 60, 40, 60, 60, 10, 20
LATE = timedelta(minutes=10)  # after a session's end its working files may be those of somebody else
DECIDING = frozenset({Category.DECISION, Category.CONVENTION})
_ASKING = "AskUserQuestion"


@dataclass(frozen=True, slots=True)
class Said:
    """Words of the session as they stand there; `ref` is the memory they are from."""

    text: str
    role: str
    time: datetime
    ref: str


@dataclass(frozen=True, slots=True)
class Committed:
    """`during`: written in the session's time; else it came in, by a pull or a checkout."""

    sha: str
    subject: str
    time: datetime
    files: int
    added: int
    deleted: int
    during: bool


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """What the working files held when they were looked at; None on a handoff: nobody looked in time."""

    files: Sequence[tuple[str, str]]  # path from the top of the repository, and its state
    total: int
    operation: str  # merge, rebase ...; empty: none is under way
    unpushed: int
    seen: datetime


@dataclass(frozen=True, slots=True)
class HandoffFacts:
    """The evidence. `records` are the session's; `commits` those that its base does not reach, or those since its start."""

    session: str
    project: str
    folder: str
    started: datetime
    now: datetime
    ended: datetime | None = None
    root: str = ""  # top of the worktree that `folder` lies in
    records: Sequence[Record] = ()
    commits: Sequence[Commit] = ()
    diff: DiffStat | None = None
    state: WorkingState | None = None
    outline: Outline | None = None
    reminders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Handoff:
    """Everything in it was said, done or seen; `counts` says how much there is of what was cut."""

    session: str
    project: str
    folder: str
    branch: str
    started: datetime
    ended: datetime | None
    made: datetime
    asked: Sequence[Said] = ()
    decisions: Sequence[Said] = ()
    todos: Sequence[Todo] = ()  # open ones
    commits: Sequence[Committed] = ()
    files: Sequence[Touched] = ()
    commands: Sequence[Ran] = ()
    errors: Sequence[Failed] = ()
    uncommitted: Uncommitted | None = None
    running: Sequence[str] = ()
    reminders: Sequence[str] = ()
    counts: dict[str, int] = field(default_factory=dict)


def handoff_of(facts: HandoffFacts) -> Handoff | None:
    """None when nothing happened: no prompt, no action.

    Everything that is not a record already is redacted here.
    """
    done = actions(facts.records)
    prompts = prompts_of(facts.records)
    if not done and not prompts:
        return None
    end = facts.ended or facts.now
    fresh = facts.now - end <= LATE
    stated = [one for one in statements(facts.records) if one.category in DECIDING]
    answers = [Said(_clean(record.text), "user", record.time, record.id) for record in done if _answered(record)]
    decisions = [*answers, *(Said(one.text, one.role, one.time, one.ref) for one in stated)]
    todos = [Todo(_clean(todo.text), todo.state) for todo in open_todos(facts.outline)]
    commits = [_commit(commit, facts.started, end) for commit in facts.commits if commit.time <= end + LATE]
    files = files_of(done, facts.diff if fresh else None, facts.root)
    commands, errors = commands_of(done), errors_of(done)
    running = facts.outline.running if facts.outline and not facts.ended else ()
    some: Mapping[str, Sequence[object]] = {
        "asked": prompts,
        "decisions": decisions,
        "todos": todos,
        "commits": commits,
        "files": files,
        "commands": commands,
        "errors": errors,
    }
    return Handoff(
        session=facts.session,
        project=facts.project,
        folder=facts.folder,
        branch=_branch(facts, fresh),
        started=facts.started,
        ended=facts.ended,
        made=facts.now,
        asked=_ends(prompts),
        decisions=decisions[:DECISIONS],
        todos=todos[:TODOS],
        commits=commits[:COMMITS],
        files=files[:FILES],
        commands=commands[:COMMANDS],
        errors=errors[:ERRORS],
        uncommitted=_uncommitted(facts.state, facts.now) if facts.state and fresh else None,
        running=[_clean(command) for command in running[:RUNNING]],
        reminders=[shortened(flat(redact(line).text), LONGEST) for line in facts.reminders[:REMINDERS]],
        counts={name: len(whole) for name, whole in some.items()},
    )


def _branch(facts: HandoffFacts, fresh: bool) -> str:
    """As git says now, else as the client last said."""
    if facts.state and fresh:
        return _clean(facts.state.branch or "")
    return _clean(facts.outline.branch) if facts.outline else ""


def open_todos(outline: Outline | None) -> list[Todo]:
    """Those not completed, what is being done first."""
    left = [todo for todo in (outline.todos if outline else ()) if todo.state != "completed"]
    return sorted(left, key=lambda todo: todo.state != "in_progress")


def prompts_of(records: Sequence[Record]) -> list[Said]:
    """What was asked, its beginning; each once, where it was said last; in order."""
    typed = sorted(
        (record for record in records if is_prompt(record)), key=lambda record: (record.time, record.position)
    )
    latest = {content_hash(record.text): record for record in typed}
    chosen = sorted(latest.values(), key=lambda record: (record.time, record.position))
    return [Said(snippet(record.text, "", PROMPT), "user", record.time, record.id) for record in chosen]


def _ends(prompts: Sequence[Said]) -> Sequence[Said]:
    if len(prompts) <= FIRST_PROMPTS + LAST_PROMPTS:
        return prompts
    return [*prompts[:FIRST_PROMPTS], *prompts[-LAST_PROMPTS:]]


def _answered(record: Record) -> bool:
    """A person chose among what a tool had put to them."""
    call = record.metadata.get("call")
    return isinstance(call, dict) and call.get("tool") == _ASKING and call.get("ok") is True


def _commit(commit: Commit, started: datetime, end: datetime) -> Committed:
    during = started <= commit.time <= end + LATE
    subject = _clean(commit.subject)
    return Committed(commit.sha, subject, commit.time, len(commit.files), commit.insertions, commit.deletions, during)


def _uncommitted(state: WorkingState, now: datetime) -> Uncommitted:
    files = [(_clean(changed.path), str(changed.state)) for changed in state.changed]
    listed = sum(changed.state == "untracked" for changed in state.changed)
    total = len(files) - listed + state.untracked
    return Uncommitted(
        files[:UNCOMMITTED], total, str(state.operation or ""), state.ahead if state.upstream else 0, now
    )


def _clean(text: str) -> str:
    return cut(" ".join(redact(text).text.split()))
