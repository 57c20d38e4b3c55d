"""How many lines of each part of a text fit into a budget. Pure."""

from collections.abc import Sequence

ROUNDS = (3, 6, 12, 1_000)
"""So many lines of each part come before more lines of any."""


def share(costs: Sequence[Sequence[int]], room: int) -> list[int]:
    """Of each part the number of lines, from its first on, that together cost at most `room`; parts named first win.

    >>> share([[10, 10, 10, 10, 10], [10, 10]], 60)
    [4, 2]
    """
    shown = [0] * len(costs)
    for most in ROUNDS:
        for part, cost in enumerate(costs):
            while shown[part] < min(most, len(cost)) and cost[shown[part]] <= room:
                room -= cost[shown[part]]
                shown[part] += 1
    return shown
