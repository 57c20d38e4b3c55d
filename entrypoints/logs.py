"""The hub's log: one JSON object a line, without secrets, readable by its owner only, never more than a few files."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from session_mgmt_mcp import paths

FILE_NAME = "hub.log"
MAX_BYTES = 2_000_000
KEPT_FILES = 3
LONGEST_TEXT = 20_000
SHORTEST_SECRET = 6
TALKATIVE = ("anthropic", "openai", "google_genai", "httpx", "httpx2", "httpcore", "httpcore2", "h11", "urllib3")
"""These log what they send, in detail when asked for: prompts are no business of a log."""

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """From now on it stands in no line of this process, whatever it looks like."""
    if len(secret) >= SHORTEST_SECRET:
        _hidden.add(secret)


class JsonLines(logging.Formatter):
    """Everything that is written passes through redaction first."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": _clean(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = _clean(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class OwnersFile(RotatingFileHandler):
    """A rotating file of mode 0600, whatever the umask."""

    def _open(self) -> TextIOWrapper:
        opened = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(opened, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A line that finds no room is lost: on stderr it would stand with its secrets, in a file without an end."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def configure(*, debug: bool = False, folder: Path | None = None) -> None:
    """Sends all logging of this process to the hub's log; to stderr where that cannot be written."""
    folder = folder or paths.log_dir()
    handler: logging.Handler
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = OwnersFile(folder / FILE_NAME, maxBytes=MAX_BYTES, backupCount=KEPT_FILES)
    except OSError:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("mcp").setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.captureWarnings(True)
    fastmcp = logging.getLogger("fastmcp")  # has a handler of its own, which paints on stderr what nobody redacted
    fastmcp.handlers.clear()
    fastmcp.propagate = True
    sys.excepthook = lambda *caught: logging.getLogger(__name__).critical("uncaught", exc_info=caught)


def _worth_a_line(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in TALKATIVE


def _clean(text: str) -> str:
    from session_mgmt_mcp.domain.redaction import redact

    for secret in _hidden:
        text = text.replace(secret, "[redacted:api-key]")
    return redact(text[:LONGEST_TEXT]).text
