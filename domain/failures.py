"""What went wrong, by name: read from what a program printed, or from what somebody pasted."""

import re
from enum import StrEnum

MOST = 8  # names of one text
_READ = 20_000  # characters from the end, where the reason stands


class Outcome(StrEnum):
    """Facts of memories that tell of an error."""

    FAILED = "outcome:failed"
    HIDDEN = "outcome:hidden"  # behind a pipe, so that the client took it for a success
    PASTED = "outcome:pasted"  # somebody showed it
    STOPPED = "outcome:stopped"  # no error: refused or interrupted


_NAMES = re.compile(
    r"""
      \b(?:[a-z_]\w*\.)*(?P<exception>(?!NoError\b)[A-Z]\w*(?:Error|Exception|Interrupt|Warning|Fault))\b
    | \berror\[(?P<rust>E\d{4})\]
    | \b(?P<code>(?:TS|CS|LNK|SC|NU|MSB|BC)\d{4,5})\b
    | \b(?P<errno>E(?:NOENT|ACCES|EXIST|CONNREFUSED|CONNRESET|ADDRINUSE|PERM|TIMEDOUT|NOTDIR|ISDIR|PIPE|MFILE|RESOLVE|BADF|INVAL))\b
    | ^[^\s:]+:\d+:\d+:\ (?P<rule>[A-Z]{1,4}\d{3,4})[ ]
    | ^[^\s:]+:\d+(?::\d+)?:\ .{1,400}\((?P<linter>[a-z][a-z0-9]{2,20})\)$
    | ^[^\s:]+:\d+(?::\d+)?:\ error:\ .{1,400}\[(?P<mypy>[a-z][a-z-]{2,40})\]$
    | ^(?P<panic>panic|fatal):[ ]
    | ^Exit\ code\ (?P<exit>\d{1,3})$
    | (?P<fail>^\s*---\ FAIL:\ |^FAIL\s|^FAILED\ |^not\ ok\ \d|^\s*\d+\ failing$|\b[1-9]\d*\ (?:tests?\ )?failed\b)
    | (?P<timeout>\btimed\ out\b|\bdeadline\ exceeded\b)
    | (?P<missing>\bcommand\ not\ found\b)
    | (?P<absent>\b[Nn]o\ such\ file\ or\ directory\b|^File\ does\ not\ exist)
    | (?P<denied>\b[Pp]ermission\ denied\b)
    | (?P<conflict>^CONFLICT\ \()
    | (?P<segfault>\b[Ss]egmentation\ fault\b|\bSIGSEGV\b)
    | (?P<undefined>:\d+:\d+:\ undefined:\ |\bundefined\ reference\ to\b)
    | (?P<syntax>:\d+:\d+:\ (?:expected\ |syntax\ error)|\bparse\ error\ near\b)
    | (?P<unfound>^String\ to\ replace\ not\ found)
    | (?P<several>^Found\ \d+\ matches\ of\ the\ string\ to\ replace)
    | (?P<unread>^File\ has\ (?:not\ been\ read\ yet|been\ modified\ since\ read))
    """,
    re.VERBOSE | re.MULTILINE,
)
_SPOKEN = {
    "fail": "test failure",
    "timeout": "timeout",
    "missing": "command not found",
    "absent": "no such file",
    "denied": "permission denied",
    "conflict": "merge conflict",
    "segfault": "segmentation fault",
    "undefined": "undefined name",
    "syntax": "syntax error",
    "unfound": "edit not found",
    "several": "edit ambiguous",
    "unread": "file not read",
}
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
_SIGNS = ("rror", "xception", "FAIL", "panic:", "    at ", "npm ERR!", "Traceback")  # one of them stands in each
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
    found: dict[str, None] = {}
    for match in _NAMES.finditer(text[-_READ:]):
        group = match.lastgroup or ""
        found[_SPOKEN.get(group) or (f"exit code {match[group]}" if group == "exit" else match[group])] = None
    if len(found) > 1:
        found.pop("exit code 1", None)  # says less than any other
    return tuple(found)[:MOST]


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
