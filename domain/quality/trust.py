"""How far a session may be relied on to keep and to act: a figure beside the score, never a part of it."""

from collections.abc import Sequence
from dataclasses import dataclass

PERMISSIONS, A_PERMISSION = 40, 10
SESSION = 30
TOOLS, A_TOOL = 30, 10


@dataclass(frozen=True, slots=True)
class Trust:
    """`permissions` of 40, `session` of 30, `tools` of 30; None is unknown, and the total counts over the rest."""

    permissions: int | None
    session: int | None
    tools: int | None
    lacking: Sequence[str] = ()  # tools that do not work, each with what to do

    @property
    def total(self) -> int | None:
        known = [
            (points, of)
            for points, of in ((self.permissions, PERMISSIONS), (self.session, SESSION), (self.tools, TOOLS))
            if points is not None
        ]
        return round(100 * sum(points for points, _ in known) / sum(of for _, of in known)) if known else None


def trust(granted: int | None, kept: bool | None, working: int | None, lacking: Sequence[str] = ()) -> Trust:
    """Of `granted` operations, whether the session is `kept` as a record, and how many tools are `working`.

    >>> trust(granted=2, kept=True, working=3).total
    80
    """
    return Trust(
        None if granted is None else min(PERMISSIONS, A_PERMISSION * granted),
        None if kept is None else SESSION * kept,
        None if working is None else min(TOOLS, A_TOOL * working),
        lacking,
    )
