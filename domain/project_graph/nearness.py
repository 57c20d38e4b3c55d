"""What a project's distance adds to the rank of its memories. Pure."""

from collections.abc import Mapping

from session_mgmt_mcp.domain.project_graph.distance import Reach

NEAR = 0.10  # of a sum of about 2, for the project itself: decides between hits that answer about equally well
HALVED_BY = 1.0  # distance


def nearness(distance: float) -> float:
    """What a memory at that distance gets: half as much for each HALVED_BY. Why so little: ADR 0038.

    >>> nearness(0.0), nearness(1.0), round(nearness(1.75), 3)
    (0.1, 0.05, 0.03)
    """
    return float(NEAR * 2.0 ** (-distance / HALVED_BY))


def near(reaches: Mapping[str, Reach]) -> dict[str, float]:
    """By project, for `rank`."""
    return {project: nearness(reach.distance) for project, reach in reaches.items()}
