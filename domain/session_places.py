"""Where a session works, and where its conversation is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.transcript_source import TranscriptSource

SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class SessionPlace:
    folder: str
    transcript: str


class SessionPlaces:
    """Asks the session's record, else the folders where clients leave their transcripts."""

    def __init__(self, storage: SessionStorage, transcripts: TranscriptSource, roots: Sequence[Path]) -> None:
        self._storage = storage
        self._transcripts = transcripts
        self._roots = roots

    async def find(self, session: str) -> SessionPlace | None:
        """None for a session that nothing is known of. `folder` or `transcript` may be empty."""
        if not session or len(session) > 200:
            return None
        recorded = await self._recorded(session)
        if recorded is not None and recorded.transcript and recorded.folder:
            return recorded
        for found in await self._transcripts.find(self._roots):
            if found.path.stem == session and not found.problem:
                outline = await self._transcripts.outline(found.path)
                folder = recorded.folder if recorded else ""
                return SessionPlace(folder or (outline.cwd if outline else ""), str(found.path))
        return recorded

    async def _recorded(self, session: str) -> SessionPlace | None:
        try:
            document = await self._storage.get(SESSIONS, session)
        except Invalid:
            return None  # no id that a session could have
        if document is None:
            return None
        return SessionPlace(str(document.body.get("folder") or ""), str(document.body.get("transcript") or ""))
