"""What a history says of how a team works: pace, messages, references, branches."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from session_mgmt_mcp.domain.quality.evidence import History
from session_mgmt_mcp.ports.git_repository import Commit
from session_mgmt_mcp.ports.project_files import Found

RECENT = 50  # commits whose messages are read
WINDOW_DAYS = 30
_TYPES = "build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test"
_CONVENTIONAL = re.compile(rf"(?:{_TYPES})(?:\([^()\r\n]+\))?!?: \S", re.IGNORECASE)
_MADE_BY_TOOLS = ("Merge ", "checkpoint: ")
_ISSUE = re.compile(
    r"(?<![\w&/#])#[1-9]\d*\b"  # GitHub, GitLab, Gitea; not an anchor, not &#39;
    r"|\w/[\w.-]+#[1-9]\d*\b"  # of another repository
    r"|(?<!\w)GH-[1-9]\d*\b"
    r"|(?<![\w-])(?!(?:UTF|ISO|SHA|RFC|CVE|PEP|AES|MD|HTTP|TLS|COVID)-)[A-Z][A-Z0-9]{1,9}-[1-9]\d*\b(?!-\d)"  # Jira, Linear
    r"|/(?:issues|pull|pulls|merge_requests)/[1-9]\d*\b"
)
_LONG_LIVED = re.compile(
    r"(?:main|master|trunk|develop|development|dev|staging|stage|stable|production|prod|next|gh-pages|pages|default|head)"
    r"|(?:release|releases|stable|support|maint|maintenance|backport)[/-].+"
    r"|v?\d+(?:[.-](?:\d+|x))*",
    re.IGNORECASE,
)


def is_conventional(subject: str) -> bool:
    """Whether it keeps to conventionalcommits.org with the usual types.

    >>> is_conventional("feat(cart)!: drop v1"), is_conventional("Fixed: the cart")
    (True, False)
    """
    return _CONVENTIONAL.match(subject) is not None


def refers_to_issue(message: str) -> bool:
    """
    >>> refers_to_issue("Empty carts (#12)"), refers_to_issue("SHOP-7 totals"), refers_to_issue("Use UTF-8")
    (True, True, False)
    """
    return _ISSUE.search(message) is not None


def is_feature(branch: str) -> bool:
    """Any branch that is not there to stay.

    >>> is_feature("cart-totals"), is_feature("main"), is_feature("release/2.0")
    (True, False, False)
    """
    return _LONG_LIVED.fullmatch(branch) is None


def by_people(commits: Sequence[Commit]) -> list[Commit]:
    """The newest whose message somebody wrote: merges and checkpoints have one by a tool."""
    return [commit for commit in commits if not commit.subject.startswith(_MADE_BY_TOOLS)][:RECENT]


def recent(history: History, now: datetime) -> int:
    """Commits of the last 30 days."""
    since = now - timedelta(days=WINDOW_DAYS)
    return sum(commit.time > since for commit in history.commits)


def changed_at(file: Found, history: History | None) -> datetime:
    """When a file last changed: its newest commit, else its time on this disk.

    A clone gives every file a time of its own, so that what no known commit touched is as old as the oldest of them.
    """
    if history is None or file.path in history.changed:
        return file.time
    for commit in history.commits:
        if file.path in commit.files:
            return commit.time
    return file.time if history.whole or not history.commits else min(file.time, history.commits[-1].time)
