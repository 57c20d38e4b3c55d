"""What went wrong, by name: read from what a program printed, or from what somebody pasted."""

import re
from collections.abc import Sequence
from enum import StrEnum

MOST = 8  # names of one text
_READ = 20_000  # characters from the end, where the reason stands


class Outcome(StrEnum):
    """Facts of memories that tell of an error."""

    FAILED = "outcome:failed"
    HIDDEN = "outcome:hidden"  # behind a pipe, so that the client took it for a success
    PASTED = "outcome:pasted"  # somebody showed it
    STOPPED = "outcome:stopped"  # no error: refused or interrupted


_SHAPES: Sequence[tuple[str, tuple[str, ...], str]] = (
    ("", ("Error", "Exception", "Interrupt", "Warning", "Fault"),
     r"\b(?!NoError\b)([A-Z]\w*(?:Error|Exception|Interrupt|Warning|Fault))\b"),
    ("", ("error[E",), r"\berror\[(E\d{4})\]"),
    ("", ("error ",), r"\berror ((?:TS|CS|LNK|C|NU|MSB|BC)\d{4,5})\b"),
    ("", ("ENO", "EACCES", "EEXIST", "ECONN", "EADDR", "EPERM", "ETIMEDOUT", "EISDIR", "EPIPE", "EMFILE", "EINVAL"),
     r"\b(E(?:NOENT|ACCES|EXIST|CONNREFUSED|CONNRESET|ADDRINUSE|PERM|TIMEDOUT|NOTDIR|NOTFOUND|ISDIR|PIPE|MFILE|INVAL))\b"),
    ("", (":",), r"^[^\s:]+:\d+:\d+: ([A-Z]{1,4}\d{3,4}) "),
    ("", (")\n", ")"), r"^[^\s:]+:\d+(?::\d+)?: .{1,400}\(([a-z][a-z0-9]{2,20})\)$"),
    ("", (": error: ",), r"^[^\s:]+:\d+(?::\d+)?: error: .{1,400}\[([a-z][a-z-]{2,40})\]$"),
    ("", ("panic: ", "fatal: "), r"^(panic|fatal): "),
    ("", ("Exit code ",), r"^(Exit code \d{1,3})$"),
    ("AssertionError", ("assert ",), r"^E\s{1,7}assert \S|\Aassert \S"),
    ("test failure", ("FAIL", "not ok ", "failing", "failed"),
     r"^\s*--- FAIL: |^FAIL\s|^FAILED |^not ok \d|^\s*\d+ failing$|\b[1-9]\d* (?:tests? )?failed\b"),
    ("timeout", ("timed out", "deadline exceeded"), r"\btimed out\b|\bdeadline exceeded\b"),
    ("command not found", ("command not found",), r"\bcommand not found\b"),
    ("no such file", ("o such file or directory", "File does not exist"),
     r"\b[Nn]o such file or directory\b|^File does not exist"),
    ("permission denied", ("ermission denied",), r"\b[Pp]ermission denied\b"),
    ("merge conflict", ("CONFLICT (",), r"^CONFLICT \("),
    ("segmentation fault", ("egmentation fault", "SIGSEGV"), r"\b[Ss]egmentation fault\b|\bSIGSEGV\b"),
    ("undefined name", ("undefined",), r":\d+:\d+: undefined: |\bundefined reference to\b"),
    ("syntax error", (": expected ", "syntax error", "parse error near"),
     r":\d+:\d+: (?:expected |syntax error)|\bparse error near\b"),
    ("edit not found", ("String to replace",), r"^String to replace not found"),
    ("edit ambiguous", ("matches of the string",), r"^Found \d+ matches of the string to replace"),
    ("file not read", ("File has ",), r"^File has (?:not been read yet|been modified since read)"),
)  # fmt: skip
"""What an error is called (empty: as it stands there), what must stand in a text for it, and where its name is."""
_NAMES = [(name, signs, re.compile(pattern, re.MULTILINE)) for name, signs, pattern in _SHAPES]
_STOPPED = re.compile(
    r"\A(?:The user doesn't want to (?:proceed|take this action)|\[Request interrupted by user|Sibling tool call errored"
    r"|The tool use was rejected|<tool_use_error>(?:Sibling|Cancelled))"
)
_PASTED = re.compile(
    r"^Traceback \(most recent call last\):|^\s+at \S.{0,200}\(.{1,200}:\d+(?::\d+)?\)$|^error(?:\[E\d{4}\])?: |\berror TS\d{4,5}: "
    r"|^\S+\.\w{1,5}:\d+:(?:\d+:)? (?:fatal )?error: |^panic: |^--- FAIL: |^E   \w|^(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): "
    r"|^npm ERR! |^FAILED \S|^Exception in thread ",
    re.MULTILINE,
)
_SIGNS = (
    "rror: ",
    "rror[",
    "rror TS",
    "xception",
    "--- FAIL",
    "FAILED ",
    "panic: ",
    "    at ",
    "npm ERR!",
    "\nE   ",
    "Traceback (",
)  # one of them stands in each
_MASKED = re.compile(
    r"\|\s*(?:tail|head|grep|tee|cat|less|sed|awk|sort|uniq|cut|wc)\b|\|\|\s*(?:true|echo|:)|;\s*(?:echo|true)\b"
)
_READERS = re.compile(
    r"(?:^|&&|;)\s*(?:cat|grep|rg|head|tail|less|sed|awk|find|ls|git (?:log|show|diff|blame|grep)|echo|jq|wc)\b"
)


def error_names(text: str) -> tuple[str, ...]:
    """The names of the errors in `text`, each once, in order: exceptions, diagnostics' codes, linters' rules, exit codes.

    >>> error_names("Exit code 1\\nKeyError: 'total'")
    ('KeyError',)
    """
    text = text[-_READ:]
    found = [
        (match.start(), name or match[1].replace("Exit code", "exit code"))
        for name, signs, pattern in _NAMES
        if any(sign in text for sign in signs)
        for match in pattern.finditer(text)
    ]
    names = dict.fromkeys(name for _, name in sorted(found))
    if len(names) > 1:
        names.pop("exit code 1", None)  # says less than any other
    return tuple(names)[:MOST]


def was_stopped(error: str) -> bool:
    """Somebody, or a call beside it, stopped the call: nothing went wrong."""
    return bool(_STOPPED.match(error))


def is_pasted_error(text: str) -> bool:
    """Whether what somebody said holds a traceback or a compiler's message."""
    text = text[:_READ]
    return any(sign in text for sign in _SIGNS) and bool(_PASTED.search(text))


def hidden_failure(command: str, output: str) -> str:
    """What a command printed when it failed and a pipe or `|| true` behind it hid that; empty otherwise.

    >>> hidden_failure("go test ./... | tail -3", "--- FAIL: TestCart (0.00s)")
    '--- FAIL: TestCart (0.00s)'
    """
    if not _MASKED.search(command) or _READERS.search(command) or not is_pasted_error(output[-_READ:]):
        return ""
    return output
