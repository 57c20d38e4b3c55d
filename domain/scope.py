"""Which memories a search sees."""

from dataclasses import dataclass
from datetime import datetime

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.ports.vector_store import Condition

OWN = (Condition("kind", "!=", Kind.SHARED),)
"""Holds for what this person has; the store may hold what teams share as well."""


@dataclass(frozen=True, slots=True)
class Scope:
    """None: no restriction. Code, and what was shared with a team, are seen only when their kind is named."""

    projects: tuple[str, ...] | None = None
    kinds: tuple[Kind, ...] | None = None
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None  # at least one of them
    facts: tuple[str, ...] | None = None  # at least one of them
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[Condition]:
        found: list[Condition] = []
        if self.projects is not None:
            found.append(Condition("project", "in", self.projects))
        if self.kinds is None:
            found += [Condition("kind", "!=", Kind.CODE), *OWN]
        else:
            found.append(Condition("kind", "in", tuple(str(kind) for kind in self.kinds)))
        found += [Condition("tags", "has", tag) for tag in self.tags]
        if self.files is not None:
            found.append(Condition("files", "in", self.files))
        if self.facts is not None:
            found.append(Condition("facts", "in", self.facts))
        if self.since is not None:
            found.append(Condition("time", ">=", self.since))
        if self.until is not None:
            found.append(Condition("time", "<", self.until))
        return found

    def wholes(self) -> list[Condition]:
        """Of whole memories alone, so that none counts once more for each of its parts."""
        return [*self.conditions(), Condition("parent", "=", "")]


EVERYTHING = Scope()
