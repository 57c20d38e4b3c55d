"""What a project's distance adds to the rank of its memories. Pure."""

from collections.abc import Mapping

from session_mgmt_mcp.domain.project_graph.distance import Reach

NEAR = 0.20  # of a sum of about 2, for the project itself: decides between hits that answer about equally well
HALVED_BY = 1.0  # distance


def nearness(distance: float) -> float:
    """What a memory at that distance gets, beside one of the project itself.

    >>> nearness(0.0), nearness(1.0), round(nearness(1.75), 3)
    (0.2, 0.1, 0.059)
    """
    return float(NEAR * 2.0 ** (-distance / HALVED_BY))


def near(reaches: Mapping[str, Reach]) -> dict[str, float]:
    """By project, for `rank`."""
    return {project: nearness(reach.distance) for project, reach in reaches.items()}
