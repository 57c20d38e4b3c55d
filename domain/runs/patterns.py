"""What the tests of some runs tell together."""

from collections.abc import Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain.runs.episodes import Dropped, Mended, Standing, dropped, mended, standing
from session_mgmt_mcp.domain.runs.error_patterns import Cluster, clusters
from session_mgmt_mcp.domain.runs.flaky import Wavering, flaky, unsteady
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.runs.seen import record_of


@dataclass(frozen=True, slots=True)
class Patterns:
    """`runs`: those in which a test was run."""

    runs: int
    clusters: Sequence[Cluster]
    flaky: Sequence[Wavering]
    unsteady: Sequence[Wavering]
    mended: Sequence[Mended]
    standing: Sequence[Standing]
    dropped: Sequence[Dropped]


def patterns(runs: Sequence[Run]) -> Patterns:
    """Of all of a project's runs of some time, oldest first: those without tests may tell what was edited between."""
    record = record_of(runs)
    wavering = flaky(record)
    names = {one.test for one in wavering}
    return Patterns(
        sum(bool(run.report.cases) for run in runs),
        clusters(record),
        wavering,
        unsteady(record),
        mended(record, names),
        standing(record, names),
        dropped(record),
    )
