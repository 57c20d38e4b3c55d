"""What is shared with a team: a copy of a memory under an id of its own, marked with its team, redacted once more."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.mentions import mentioned
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.teams.team import Team
from session_mgmt_mcp.domain.text import content_hash, opaque_id
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Json, Record

SHARED_BY = "shared-by:"
SHARED_IN = "shared-in:"
VOTES = "votes:"
MOST_TAGS = 50
_KEPT_APART = (Kind.ACTION, Kind.CODE, Kind.SHARED)  # output of programs is searched where it was printed


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a shared memory comes from."""

    team: str
    shared_by: str
    shared: datetime
    original: str  # its id in the memory of who shared it
    kind: str  # what it is there
    source: str
    trust: str
    votes: int


def copy_id(team: Team, original: str) -> str:
    """The same for the same memory in the same team."""
    return opaque_id("shared", team.key, original)


def copy_for(team: Team, original: Record, by: str, now: datetime, tags: tuple[str, ...] = ()) -> Record:
    """The whole record as the team will find it, without a vector. Raises Invalid for what is not to be shared.

    It belongs to no session: nothing of what was said around it comes along.
    """
    if original.kind in _KEPT_APART:
        raise Invalid(
            f"A memory of kind {original.kind} is not shared: store_reflection what it taught, and share that."
        )
    text = redact(original.text).text
    metadata: Mapping[str, Json] = {
        "source": original.metadata.get("source", ""),
        "trust": original.metadata.get("trust", ""),
        "kind": original.kind,
        "original": original.id,
        "team": team.id,
        "shared_by": by,
        "shared": now.isoformat(),
        "votes": 0,
    }
    return Record(
        id=copy_id(team, original.id),
        kind=Kind.SHARED,
        text=text,
        project=redact(original.project).text,
        time=original.time,
        role=original.role,
        tags=_cleaned((*original.tags, *tags)),
        files=mentioned(text),
        facts=(team.mark, f"{SHARED_BY}{by}", f"{SHARED_IN}{now:%Y-%m}"),
        metadata=metadata,
        content_hash=content_hash(text),
    )


def provenance_of(record: Record) -> Provenance:
    told = record.metadata
    return Provenance(
        str(told.get("team", "")),
        str(told.get("shared_by", "")),
        datetime.fromisoformat(str(told["shared"])),
        str(told.get("original", "")),
        str(told.get("kind", "")),
        str(told.get("source", "")),
        str(told.get("trust", "")),
        votes_of(record),
    )


def votes_of(record: Record) -> int:
    votes = record.metadata.get("votes", 0)
    return votes if isinstance(votes, int) else 0


def with_votes(record: Record, votes: int) -> Record:
    """A shared one also has them as a fact, so that the store can count a team's."""
    counted = replace(record, metadata={**record.metadata, "votes": votes})
    if record.kind != Kind.SHARED:
        return counted
    others = tuple(fact for fact in record.facts if not fact.startswith(VOTES))
    return replace(counted, facts=(*others, f"{VOTES}{votes}") if votes else others)


def counted(facts: Mapping[str, int], name: str) -> dict[str, int]:
    """Of facts with their counts those of one name, by value."""
    return {fact.removeprefix(name): count for fact, count in facts.items() if fact.startswith(name)}


def _cleaned(tags: tuple[str, ...]) -> tuple[str, ...]:
    clean = sorted({redact(tag.strip()).text[:100] for tag in tags if tag.strip()})
    if len(clean) > MOST_TAGS:
        raise Invalid(f"tags: at most {MOST_TAGS} are taken, those of the memory included.")
    return tuple(clean)
