"""Runs as documents, and back. What programs printed goes through redaction on the way in."""

import base64
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.runs.run import Run, Tree
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    CaseStatus,
    Command,
    Complexity,
    Finding,
    LinesRun,
    Options,
    Outcome,
    RunReport,
    Step,
    StepStatus,
)
from session_mgmt_mcp.ports.session_storage import Document
from session_mgmt_mcp.ports.vector_store import Json

MOST_CASES = 20_000
MOST_FINDINGS = 5_000
MOST_NAMED = 5_000  # files of a tree
MESSAGE_KEPT = 4_000
_STATUSES = {str(status): status for status in CaseStatus}
_PACKED = 700_000  # bytes of a document's packed part


def clean(report: RunReport) -> RunReport:
    """Without secrets, and as long as is kept: what did not pass goes before what did."""
    cases = sorted(report.cases, key=lambda case: case.status is CaseStatus.PASSED)[:MOST_CASES]
    ids = _redacted([case.id for case in cases])
    files = _redacted([case.file for case in cases])
    return replace(
        report,
        note=redact(report.note).text,
        ran=[redact(line).text for line in report.ran],
        steps=[replace(step, message=redact(step.message).text[:MESSAGE_KEPT]) for step in report.steps],
        cases=[
            replace(case, id=id, file=file, message=redact(case.message).text[:MESSAGE_KEPT] if case.message else "")
            for case, id, file in zip(cases, ids, files, strict=True)
        ],
        findings=[
            replace(
                one,
                rule=redact(one.rule).text,
                file=redact(one.file).text,
                message=redact(one.message).text[:MESSAGE_KEPT],
            )
            for one in _telling(report.findings)
        ],
        complexity=report.complexity and replace(report.complexity, worst=redact(report.complexity.worst).text),
    )


def _telling(findings: Sequence[Finding]) -> Sequence[Finding]:
    """As many as are kept: of each file one, then of each rule in it one, before a second of any."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    seen: set[tuple[str, ...]] = set()
    again = []
    for one in findings:
        keys = {(one.aspect, one.file), (one.step, one.rule, one.file)}
        again.append(len(keys & seen))
        seen |= keys
    order = sorted(range(len(findings)), key=again.__getitem__)[:MOST_FINDINGS]
    return [findings[at] for at in sorted(order)]


def body_of(run: Run) -> dict[str, Json]:
    """Of a run whose report is `clean`. Beside what can be asked for stands the whole, packed."""
    whole = _plain(run)
    packed = _pack(whole)
    while len(packed) > _PACKED and _shorten(whole):  # tens of thousands of tests with long messages
        packed = _pack(whole)
    return {
        "project": run.project,
        "session": run.session,
        "command": str(run.command),
        "runner": run.report.runner,
        "outcome": str(run.report.outcome),
        "time": run.at.isoformat(),
        "seconds": run.report.seconds,
        "run": packed,
    }


def run_of(document: Document) -> Run:
    whole = json.loads(unpack(str(document.body["run"])))
    tree, after, report = whole["tree"], whole["after"], whole["report"]
    return Run(
        id=document.id,
        project=whole["project"],
        session=whole["session"],
        at=datetime.fromisoformat(whole["at"]),
        options=Options(**{**whole["options"], "paths": tuple(whole["options"]["paths"])}),
        report=RunReport(
            runner=report["runner"],
            version=report["version"],
            command=Command(report["command"]),
            outcome=Outcome(report["outcome"]),
            seconds=report["seconds"],
            ran=report["ran"],
            note=report["note"],
            steps=[_step(one) for one in report["steps"]],
            cases=[_case(one) for one in report["cases"]],
            findings=[Finding(**{**one, "aspect": Aspect(one["aspect"])}) for one in report["findings"]],
            lines_run=LinesRun(**report["lines_run"]) if report["lines_run"] else None,
            complexity=Complexity(**report["complexity"]) if report["complexity"] else None,
        ),
        tree=Tree(**tree) if tree else None,
        after=Tree(**after) if after else None,
        changed=whole["changed"],
        edited=whole["edited"],
        predicted=whole["predicted"],
        package=whole.get("package", ""),
    )


def pack(text: str) -> str:
    """As a document holds it: compressed, in letters."""
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode("ascii")


def unpack(packed: str) -> str:
    """See `pack`."""
    return zlib.decompress(base64.b64decode(packed)).decode()


def _plain(run: Run) -> dict[str, Any]:
    whole = asdict(run)
    whole["at"] = run.at.isoformat()
    whole["tree"], whole["after"] = _tree(run.tree), _tree(run.after)
    for name in ("changed", "edited"):
        paths = getattr(run, name)
        whole[name] = None if paths is None else _redacted(list(paths)[:MOST_NAMED])
    whole["options"]["paths"] = _redacted(list(run.options.paths))
    return whole


def _shorten(whole: dict[str, Any]) -> bool:
    """Whether there was anything left to leave out: tests and findings before what files held."""
    report = whole["report"]
    if not (report["cases"] or report["findings"] or whole["tree"] or whole["after"]):
        return False
    if not (report["cases"] or report["findings"]):
        whole["tree"] = whole["after"] = None
    for name in ("cases", "findings"):
        some = report[name][: len(report[name]) * 2 // 3]
        report[name] = [{**one, "message": one["message"][:200]} for one in some]
    return True


def _tree(tree: Tree | None) -> dict[str, Any] | None:
    if tree is None:
        return None
    known = sorted(tree.differing)[:MOST_NAMED]
    named = dict(zip(_redacted(known), (tree.differing[path] for path in known), strict=True))
    return {"head": tree.head, "differing": named, "whole": tree.whole and len(named) == len(tree.differing)}


def _pack(whole: Mapping[str, Any]) -> str:
    return pack(json.dumps(whole, separators=(",", ":")))


def _case(said: Mapping[str, Any]) -> Case:
    """Names are the same in every run: each is held once."""
    id, file, status = sys.intern(said["id"]), sys.intern(said["file"]), _STATUSES[said["status"]]
    return Case(id, status, file, said["line"], said["seconds"], said["message"])


def _step(said: Mapping[str, Any]) -> Step:
    return Step(**{**said, "aspect": Aspect(said["aspect"]), "status": StepStatus(said["status"])})


def _redacted(names: Sequence[str]) -> list[str]:
    """All at once: names are many, and hardly ever hold anything."""
    joined = "\n".join(names)
    cleaned = redact(joined).text
    if cleaned == joined:
        return list(names)
    return [redact(name).text for name in names]
