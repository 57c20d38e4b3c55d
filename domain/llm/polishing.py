"""Has a language model write a handoff's summary: one call at most for the same work, beside a handoff that is stored."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from session_mgmt_mcp.domain.handoffs import HandoffService
from session_mgmt_mcp.domain.llm.budget import dollars
from session_mgmt_mcp.domain.llm.polish import ANSWER, NAME, Asking, Polished, asking, inert, read
from session_mgmt_mcp.domain.llm.polish_document import COLLECTION, Kept, State, body_of, kept_from
from session_mgmt_mcp.domain.llm.service import Answer, LLMService
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, PortError
from session_mgmt_mcp.ports.llm_provider import Stop
from session_mgmt_mcp.ports.session_storage import SessionStorage

LONGEST_CALL = timedelta(hours=1)  # llm_timeout allows no longer one: what was begun before then is over
WHY = 300  # characters


@dataclass(frozen=True, slots=True)
class Outcome:
    """A summary of the handoff as it is, or why there is none."""

    polished: Polished | None
    why: str = ""

    def in_words(self) -> str:
        """One sentence: who wrote it and how far it names its evidence, or why there is none."""
        if self.polished is None:
            return f"no summary by a language model: {self.why}"
        written = self.polished
        cost = "" if not written.cost else f" for {dollars(written.cost)} at most"
        bare = counted(written.unsupported, "sentence")
        bare += " names no evidence" if written.unsupported == 1 else " name no evidence"
        return f"summary by {written.model} ({written.provider}){cost}, not checked: {bare}"


class PolishService:
    """Writes summaries, one at a time. The handoff is stored before, and stays as it is whatever becomes of the call.

    That a model is asked is written down before it is: who comes after a killed process does not ask it again. Only
    a person who asks for it has a summary of the same work tried once more.
    """

    def __init__(self, handoffs: HandoffService, storage: SessionStorage, llm: LLMService, clock: Clock) -> None:
        self._handoffs = handoffs
        self._storage = storage
        self._llm = llm
        self._clock = clock
        self._turn = asyncio.Lock()

    async def polish(self, session: str, *, again: bool = False) -> Outcome:
        """The summary of a session's handoff, from its store where it is of the same work.

        `again`: somebody asks for it, so one that failed or was declined is tried once more. Raises what storing raises;
        what the model's side raises becomes the outcome.
        """
        async with self._turn:
            handoff = await self._handoffs.of(session)
            asked = await asyncio.to_thread(asking, handoff) if handoff else None
            if asked is None:
                return Outcome(None, "nothing happened in the session that it could tell.")
            document = await self._storage.get(COLLECTION, session)
            known = kept_from(document.body) if document else None
            if known is not None and (settled := self._settled(known, asked, again)) is not None:
                return settled
            begun = Kept(asked.digest, State.BEGUN, self._clock.now(), polished=known.polished if known else None)
            try:
                version = document.version if document else 0
                document = await self._storage.put(COLLECTION, session, body_of(begun), expected_version=version)
            except Conflict:
                return Outcome(None, "another process is writing one.")
            return await self._written(session, begun, asked, document.version)

    async def decline(self, session: str) -> None:
        """Nobody is asked for a summary of this session from now on, unless a person wants one."""
        document = await self._storage.get(COLLECTION, session)
        known = kept_from(document.body) if document else Kept("", State.DECLINED, self._clock.now())
        declined = replace(known, state=State.DECLINED, why="it was not wanted.")
        await self._storage.put(COLLECTION, session, body_of(declined))

    def _settled(self, known: Kept, asked: Asking, again: bool) -> Outcome | None:
        """None: the model is to be asked."""
        same = known.digest == asked.digest
        match known.state:
            case State.DONE if same:
                return Outcome(known.polished)
            case State.BEGUN if same and not (again and self._clock.now() - known.since > LONGEST_CALL):
                return Outcome(None, f"one was begun at {known.since:%Y-%m-%d %H:%M} UTC and did not come back yet.")
            case State.FAILED if same and not again:
                return Outcome(None, known.why)
            case State.DECLINED if not again:
                return Outcome(None, known.why)
        return None

    async def _written(self, session: str, begun: Kept, asked: Asking, version: int) -> Outcome:
        try:
            answer = await self._llm.ask(asked.messages, max_tokens=ANSWER)
        except asyncio.CancelledError:
            stopped = self._settle(session, replace(begun, state=State.FAILED, why="it was stopped."), version)
            await asyncio.shield(stopped)
            raise
        except PortError as error:
            return await self._settle(session, replace(begun, state=State.FAILED, why=_why(error)), version)
        polished = self._polished(answer, asked)
        if polished is None:
            why = f"{inert(answer.model, NAME)} wrote nothing that can be read."
            return await self._settle(session, replace(begun, state=State.FAILED, why=why), version)
        return await self._settle(session, replace(begun, state=State.DONE, polished=polished), version)

    def _polished(self, answer: Answer, asked: Asking) -> Polished | None:
        reading = read(answer.text, asked.evidence)
        if not reading.sentences:
            return None
        named = {mark for sentence in reading.sentences for mark in sentence.marks}
        return Polished(
            sentences=reading.sentences,
            evidence=tuple(one for one in asked.evidence if one.mark in named),
            provider=answer.provider,
            model=inert(answer.model, NAME),
            at=self._clock.now(),
            digest=asked.digest,
            invented=reading.invented,
            cut=reading.cut or answer.stop is Stop.LENGTH,
            cost=answer.cost,
        )

    async def _settle(self, session: str, kept: Kept, version: int) -> Outcome:
        try:
            await self._storage.put(COLLECTION, session, body_of(kept), expected_version=version)
        except Conflict:
            return Outcome(None, "somebody else changed it meanwhile.")
        await self._handoffs.rewrite(session)
        return Outcome(kept.polished) if kept.state is State.DONE else Outcome(None, kept.why)


def _why(error: PortError) -> str:
    return inert(str(error), WHY)
