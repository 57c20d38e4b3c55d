"""What `crackerjack run` prints, read line by line: it has no form for machines."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from session_mgmt_mcp.adapters.crackerjack.hooks import NEED_NETWORK
from session_mgmt_mcp.ports.quality_runner import StepStatus

MOST_DETAILS = 5_000
"""Lines that are kept of what one hook says."""

_MARKED = re.compile(r"([A-Za-z][\w-]*)\.{3,}\s*(✅|❌)\s*$")
_PASSED_OVER = re.compile(r"⏭\ufe0f?\s+([A-Za-z][\w-]*)\.{3,}\s*skipped(.*)$")
_ATTEMPT = re.compile(r".{0,3}\s*\w+ hooks attempt (\d+): \d+/(\d+) passed\b", re.IGNORECASE)
_RESULTS = re.compile(r"\w+ Hook Results:\s*$")
_RESULT = re.compile(r" - ([A-Za-z][\w-]*) :: (\w+) \| (\d+(?:\.\d+)?)s \| issues=(\d+)?")
_DETAILS = re.compile(r"Details for failing \w+ hooks\b")
_FAILING = re.compile(r" - ([A-Za-z][\w-]*) \((\w+)\)\s*$")
_FAILED = re.compile(r"(?:Workflow failed|.{0,3}\s*Test execution error)\b.*")
_MISUSED = re.compile(r"No such (?:option|command)\b[^│|]*|Got unexpected extra argument[^│|]*|Invalid value[^│|]*")

_FOUND = re.compile(r"(?P<file>[^\s:][^:\n]*?):(?P<line>\d{1,9})(?::\d+)?(?::\s+|\s+-\s+|\s+(?=\[))(?P<said>.*)$")
_SEVERITY = re.compile(r"(error|warning)\b[: ]*")
_RULE = re.compile(
    r"\[(?P<named>[A-Za-z][\w./:-]*)\]:?\s*|(?P<code>[A-Z]{1,8}\d{2,5})\b:?\s+|(?P<long>[\w-]+(?:\.[\w-]+){2,}):\s+"
)
_NO_PROGRAM = re.compile(
    r"No such file or directory: '([\w.+-]+)'|Failed to spawn: `([\w.+-]+)`|: No module named '?(\w[\w.]*)'?$"
)
_NOT_IN_PROJECT = re.compile(r"Error while finding module specification for 'crackerjack\.")
_BROKEN = re.compile(
    r"Tool crashed|Traceback \(most recent call last\)|Event loop closed|\(segmentation fault\)|\(killed"
)
_OFFLINE = re.compile(
    r"temporary failure in name resolution|name or service not known|could not resolve|dns error|failed to lookup address"
    r"|nodename nor servname|network is unreachable|max retries exceeded|failed to establish a new connection"
    r"|failed to fetch|error sending request|connection refused|cannot connect|connection error|network error",
    re.IGNORECASE,
)
_EMPTY_WORDS = re.compile(
    r"Exit code: -?\d+|Hook exited with code -?\d+ but reported no parseable issues|Hook failed with no"
)
_STATUSES = {
    "PASSED": StepStatus.PASSED,
    "SUCCESS": StepStatus.PASSED,
    "FAILED": StepStatus.FAILED,
    "SKIPPED": StepStatus.SKIPPED,
    "ERROR": StepStatus.CRASHED,
    "TIMEOUT": StepStatus.CRASHED,
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A hook has ended, the `done`th of an attempt; `total`: of the attempt before, None in the first one."""

    hook: str
    attempt: int
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A line that names a place. `file` is as the hook wrote it."""

    rule: str
    file: str
    line: int
    message: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class Hook:
    """What became of a hook in the last attempt that it took part in."""

    name: str
    status: StepStatus
    seconds: float | None
    issues: int
    message: str
    found: Sequence[Found] = ()


@dataclass(slots=True)
class _Heard:
    """What has been said of a hook so far."""

    passed: bool
    settled: bool = False  # the results of its attempt were told
    word: str = ""
    seconds: float | None = None
    issues: int = 0
    details: list[str] = field(default_factory=list)


class Reading:
    """What has been printed so far. Whatever is printed, reading it raises nothing."""

    def __init__(self) -> None:
        self.misused = ""
        """What was wrong with the command line; empty: nothing."""
        self.failed = ""
        """Why crackerjack says that it failed."""
        self.whole = False
        """Whether the results of the last attempt were told."""
        self._hooks: dict[str, _Heard] = {}
        self._skipped: dict[str, str] = {}
        self._marked: list[str] = []
        self._attempts = 0
        self._total: int | None = None
        self._details = False  # whether what failing hooks say is being told
        self._about: _Heard | None = None

    @property
    def failing(self) -> bool:
        """Whether a hook failed, for whatever reason."""
        return any(heard.word in ("FAILED", "ERROR", "TIMEOUT") for heard in self._hooks.values())

    def line(self, line: str) -> Marked | None:
        """Reads one more line; says when it tells of a hook that has ended."""
        if self._details and self._detail(line):
            return None
        if found := _MARKED.match(line):
            return self._mark(found[1], found[2] == "✅")
        if found := _RESULT.match(line):
            self._result(found)
        elif found := _PASSED_OVER.match(line):
            self._skipped[found[1]] = f"crackerjack left it out{found[2].rstrip()}."
        elif found := _ATTEMPT.match(line):
            self._attempts, self._total = int(found[1][:6]), int(found[2][:6])
        elif _RESULTS.match(line):
            self.whole = True
            for name in self._marked:
                self._hooks[name].settled = True
        elif _DETAILS.match(line):
            self._details, self._about = True, None
        elif found := _FAILED.match(line.strip()):
            self.failed = found[0].strip()
        elif found := _MISUSED.search(line):
            self.misused = self.misused or found[0].strip()
        return None

    def hooks(self) -> list[Hook]:
        """In the order in which they ended."""
        left_out = [
            Hook(name, StepStatus.SKIPPED, None, 0, why)
            for name, why in self._skipped.items()
            if name not in self._hooks
        ]
        return [*(_hook(name, heard) for name, heard in self._hooks.items()), *left_out]

    def _mark(self, name: str, passed: bool) -> Marked:
        self._details = False
        if self.whole:  # another attempt
            self._marked = []
        self.whole = False
        self._marked.append(name)
        self._hooks.pop(name, None)
        self._hooks[name] = _Heard(passed)
        return Marked(name, self._attempts + 1, len(self._marked), self._total)

    def _result(self, found: re.Match[str]) -> None:
        name, word = found[1], found[2].upper()
        heard = self._hooks.setdefault(name, _Heard(word in ("PASSED", "SUCCESS"), True))
        heard.word, heard.seconds, heard.issues = word, float(found[3][:12]), int((found[4] or "0")[:9])

    def _detail(self, line: str) -> bool:
        """Whether the line belongs to what failing hooks say."""
        if (found := _FAILING.match(line)) and found[1] in self._hooks:
            self._about = self._hooks[found[1]]
            return True
        if not line.startswith(" ") or self._about is None:
            self._details = self._about is None and not line.strip()
            return False
        if len(self._about.details) < MOST_DETAILS:
            self._about.details.append(line.removeprefix(" - ").strip())
        return True


def read(lines: Iterable[str]) -> Reading:
    """All of what a run printed."""
    reading = Reading()
    for line in lines:
        reading.line(line)
    return reading


def found_in(text: str) -> Found | None:
    """The place that a hook names, with its rule where it has one.

    >>> found_in("shop/names.py:5: F821 Undefined name `first`")
    Found(rule='F821', file='shop/names.py', line=5, message='Undefined name `first`', severity='error')
    """
    place = _FOUND.match(text)
    if place is None or int(place["line"]) < 1:
        return None
    said = place["said"].strip()
    severity = _SEVERITY.match(said)
    rest = said[severity.end() :] if severity else said
    rule = _RULE.match(rest)
    named = (rule["named"] or rule["code"] or rule["long"]) if rule else ""
    message = rest[rule.end() :].strip() if rule else rest
    mild = severity is not None and severity[1] == "warning"
    return Found(named, place["file"], int(place["line"]), message or said, "warning" if mild else "error")


def _hook(name: str, heard: _Heard) -> Hook:
    if heard.word:
        status = _STATUSES.get(heard.word, StepStatus.CRASHED)
    elif heard.passed:
        status = StepStatus.PASSED
    else:  # results name every hook that failed
        status = StepStatus.SKIPPED if heard.settled else StepStatus.FAILED
    message = ""
    if status in (StepStatus.FAILED, StepStatus.CRASHED):
        status, message = _meant(name, status, heard)
    elif status is StepStatus.SKIPPED:
        message = "crackerjack counts it neither as passed nor as failed."
    found = [one for one in map(found_in, heard.details) if one] if status is StepStatus.FAILED else []
    issues = max(heard.issues, len(found)) if status is StepStatus.FAILED else 0
    return Hook(name, status, heard.seconds, issues, message, found)


def _meant(name: str, status: StepStatus, heard: _Heard) -> tuple[StepStatus, str]:
    """What a failure is: something found, a tool that is not there, a network that is not there, or a crash."""
    said = " ".join(heard.details)
    for detail in heard.details:
        if absent := _NO_PROGRAM.search(detail):
            program = absent[1] or absent[2] or absent[3]
            return StepStatus.MISSING, f"{program} is not installed where crackerjack looks for it: install {program}."
    if _NOT_IN_PROJECT.search(said):
        why = "It runs in the project's own environment, which lacks crackerjack: install crackerjack there too."
        return StepStatus.MISSING, why
    if name in NEED_NETWORK and _OFFLINE.search(said):
        return StepStatus.SKIPPED, "It needs the network, and could not reach it."
    first = next((detail for detail in heard.details if not _EMPTY_WORDS.match(detail)), said).strip()[:500]
    if status is StepStatus.CRASHED or _BROKEN.search(said):
        return StepStatus.CRASHED, first or f"It ended with the status {heard.word.lower()}."
    return status, first
