"""The product's words for what it keeps: kinds and provenance."""

from enum import StrEnum


class Kind(StrEnum):
    """What a memory is. A closed set: an unknown kind is refused at the edge."""

    REFLECTION = "reflection"  # an insight somebody stored on purpose
    TURN = "turn"  # something said in a conversation
    ACTION = "action"  # a tool call of a conversation, as facts: files, command, error
    CHECKPOINT = "checkpoint"
    HANDOFF = "handoff"
    QUALITY = "quality"
    CODE = "code"  # a part of a turn or an action: found by pattern, left out of recall
    SHARED = "shared"  # a copy of a memory for a team: found by its members alone, left out of everything else


class Trust(StrEnum):
    """Who vouches for a memory's text. Only USER and ASSISTANT may be shown to a model unasked."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"  # printed by a program: may carry anything


EMBEDDED_KINDS = frozenset(Kind) - {Kind.ACTION, Kind.CODE}
"""Kinds that get a vector; actions are found by their words: paths, commands, error messages."""
NAMED_KINDS = tuple(kind for kind in Kind if kind is not Kind.SHARED)
"""Kinds that may be asked for; what is shared is asked of a team."""
