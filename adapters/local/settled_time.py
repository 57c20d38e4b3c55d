"""The time by which something may be deleted for good: a clock that leaps ahead is believed a day later."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from session_mgmt_mcp.adapters.local import files

FILE = ".time"
LEAP = timedelta(days=30)
"""A clock so much later than when it was last believed was set wrong, or nobody was here meanwhile."""
BELIEVED_AFTER = timedelta(days=1)


def settled(folder: Path, now: datetime) -> datetime | None:
    """`now`; None while it is not believed. What is known of it stands in `folder`. Raises OSError, Unavailable."""
    with files.locked(folder / f"{FILE}.lock"):
        last, since = _known(folder / FILE)
        goes_on = last is not None and now - last <= LEAP
        stays = since is not None and timedelta() <= now - since <= LEAP
        if not goes_on and not (stays and since is not None and now - since >= BELIEVED_AFTER):
            if not stays:
                _write(folder, last, now)
            return None
        if last is None or since is not None or abs(now - last) >= BELIEVED_AFTER:
            _write(folder, now, None)
        return now


def _known(file: Path) -> tuple[datetime | None, datetime | None]:
    """When the clock was last believed, and since when it leaps; a file that is none of ours knows neither."""
    try:
        last, since = json.loads(files.read(file, 200) or b"")
        return _time(last), _time(since)
    except (FileNotFoundError, ValueError, TypeError, OverflowError):
        return None, None


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _write(folder: Path, last: datetime | None, since: datetime | None) -> None:
    known = [time and time.isoformat() for time in (last, since)]
    files.replace(folder / FILE, folder / f"{FILE}.new", json.dumps(known).encode())
