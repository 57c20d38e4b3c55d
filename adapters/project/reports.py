"""Reports that tools leave on the disk, told apart by their content: coverage, findings, test results."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from session_mgmt_mcp.adapters.project import xml
from session_mgmt_mcp.ports.project_files import Check, Coverage, Findings, Report, TestResults

PLACES = (
    *("", "coverage", "reports", "report", "test-results", "test-reports", "artifacts"),
    *("build", "build/reports", "build/reports/jacoco/test", "build/reports/checkstyle", "build/reports/kover"),
    *("build/test-results", "build/test-results/test"),
    *("target", "target/site/jacoco", "target/site/cobertura", "target/surefire-reports", "target/failsafe-reports"),
    *("target/nextest/default", "target/nextest/ci", "target/llvm-cov", "target/tarpaulin"),
)
"""Folders below a package in which the usual tools leave their reports."""

MOST_BYTES = 32_000_000
_ENDINGS = (".xml", ".sarif", ".sarif.json", ".info", ".lcov", ".out", ".cov", ".coverprofile")
_TYPES = ("mypy", "pyright", "basedpyright", "pyre", "pytype", "tsc", "typescript", "ty", "pyrefly")
_SECURITY = (
    *("bandit", "semgrep", "codeql", "gosec", "trivy", "snyk", "gitleaks", "grype", "njsscan", "brakeman"),
    *("osv-scanner", "cargo-audit", "cargo audit", "dependency-check", "zizmor"),
)


def may_be_one(name: str) -> bool:
    """By its name: what is opened at all."""
    lowered = name.lower()
    if lowered in ("pom.xml", "build.xml", "phpunit.xml"):
        return False
    return lowered.endswith(_ENDINGS) or ("coverage" in lowered and lowered.endswith((".json", ".txt")))


def read(path: str, time: datetime, raw: bytes) -> list[Report]:
    """None for a file of another kind. Raises ValueError for one that is broken."""
    head = raw[:2_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        return _of_xml(path, time, raw)
    if head.startswith(b"{"):
        return _of_json(path, time, json.loads(raw))
    if head.startswith(b"mode: "):
        return _of_go(path, time, raw.decode(errors="replace").splitlines()[1:])
    if head.startswith((b"TN:", b"SF:")):
        return _of_lcov(path, time, raw.decode(errors="replace").splitlines())
    return []


def _of_lcov(path: str, time: datetime, lines: Sequence[str]) -> list[Report]:
    total = sum(int(line[3:]) for line in lines if line.startswith("LF:"))
    covered = sum(int(line[3:]) for line in lines if line.startswith("LH:"))
    return _coverage(path, time, covered, total)


def _of_go(path: str, time: datetime, lines: Sequence[str]) -> list[Report]:
    blocks: dict[str, tuple[int, bool]] = {}
    for line in filter(str.strip, lines):
        block, statements, runs = line.rsplit(" ", 2)
        before = blocks.get(block, (0, False))
        blocks[block] = (int(statements), before[1] or int(runs) > 0)
    return _coverage(path, time, sum(n for n, ran in blocks.values() if ran), sum(n for n, _ in blocks.values()))


def _of_json(path: str, time: datetime, said: Any) -> list[Report]:
    if not isinstance(said, dict):
        return []
    if isinstance(said.get("runs"), list) and "version" in said:
        return [found for run in said["runs"] if (found := _of_sarif(path, time, _mapping(run)))]
    totals = _mapping(said.get("totals"))
    if "covered_lines" in totals and "num_statements" in totals:
        return _coverage(path, time, int(totals["covered_lines"]), int(totals["num_statements"]))
    lines = _mapping(_mapping(said.get("total")).get("lines"))
    if "covered" in lines and "total" in lines:
        return _coverage(path, time, int(lines["covered"]), int(lines["total"]))
    return []


def _of_sarif(path: str, time: datetime, run: Mapping[str, Any]) -> Findings | None:
    driver = _mapping(_mapping(run.get("tool")).get("driver"))
    tool = str(driver.get("name") or "")
    if not isinstance(run.get("results"), list):
        return None  # a run that only says what it would look for
    rules = {
        str(rule.get("id")): _mapping(rule.get("defaultConfiguration")).get("level")
        for rule in map(_mapping, driver.get("rules") or ())
    }
    levels: list[str] = []
    files: set[str] = set()
    for result in map(_mapping, run["results"]):
        level = str(result.get("level") or rules.get(str(result.get("ruleId"))) or "warning")
        if result.get("suppressions") or result.get("kind", "fail") != "fail" or level not in ("error", "warning"):
            continue
        levels.append(level)
        files |= {_file(place) for place in map(_mapping, result.get("locations") or ())}
    return Findings(path, time, _check(tool), tool, levels.count("error"), levels.count("warning"), len(files))


def _file(place: Mapping[str, Any]) -> str:
    return str(_mapping(_mapping(place.get("physicalLocation")).get("artifactLocation")).get("uri"))


def _check(tool: str) -> Check:
    name = tool.lower()
    if name in _TYPES:
        return Check.TYPES
    return Check.SECURITY if name.startswith(_SECURITY) else Check.LINT


def _of_xml(path: str, time: datetime, raw: bytes) -> list[Report]:
    seen = _Seen()
    xml.stream(raw, seen.element)
    match seen.root:
        case "coverage":
            covered, total = seen.clover or seen.stated or (seen.hit, seen.lines)
            return _coverage(path, time, covered, total)
        case "report":
            return _coverage(path, time, *seen.jacoco)
        case "checkstyle":
            return [Findings(path, time, Check.LINT, "checkstyle", seen.errors, seen.warnings, len(seen.faulty))]
        case "testsuites" | "testsuite" if seen.cases:
            failed, skipped = len(seen.failed), len(seen.skipped)
            return [TestResults(path, time, seen.cases - skipped, failed, skipped)]
        case _:
            return []


class _Seen:
    """What the elements of one file add up to, whatever its format turns out to be."""

    def __init__(self) -> None:
        self.root = ""
        self.clover: tuple[int, int] | None = None
        self.stated: tuple[int, int] | None = None
        self.jacoco = (0, 0)
        self.lines = self.hit = 0
        self.errors = self.warnings = 0
        self.faulty: set[str] = set()
        self.cases = 0
        self.failed: set[int] = set()
        self.skipped: set[int] = set()
        self._file = ""

    def element(self, opened: Sequence[str], said: Mapping[str, str]) -> None:
        match opened:
            case [root]:
                self.root = root
                if "lines-covered" in said and "lines-valid" in said:
                    self.stated = int(said["lines-covered"]), int(said["lines-valid"])
            case ["coverage", "project", "metrics"] if "coveredstatements" in said:
                self.clover = int(said["coveredstatements"]), int(said.get("statements", 0))
            case ["coverage", *between, "lines", "line"] if "method" not in between:
                self.lines += 1
                self.hit += said.get("hits", "0") != "0"
            case ["report", "counter"] if said.get("type") == "LINE":
                covered = int(said["covered"])
                self.jacoco = covered, covered + int(said["missed"])
            case ["checkstyle", "file"]:
                self._file = said.get("name", "")
            case ["checkstyle", "file", "error"] if said.get("severity") in ("error", "warning"):
                self.errors += said["severity"] == "error"
                self.warnings += said["severity"] == "warning"
                self.faulty.add(self._file)
            case [*_, "testcase"]:
                self.cases += said.get("classname") != "mypy" and said.get("name") != "mypy"
            case [*_, "testcase", "failure" | "error"]:
                self.failed.add(self.cases)
            case [*_, "testcase", "skipped"]:
                self.skipped.add(self.cases)
            case _:
                pass


def _coverage(path: str, time: datetime, covered: int, total: int) -> list[Report]:
    return [Coverage(path, time, covered, total)] if 0 <= covered <= total and total else []


def together(reports: Sequence[Report]) -> list[Report]:
    """Test results of one folder are one run, named by the folder when it wrote several files."""
    runs: dict[str, list[TestResults]] = {}
    others: list[Report] = []
    for report in reports:
        if isinstance(report, TestResults):
            runs.setdefault(report.path.rpartition("/")[0], []).append(report)
        else:
            others.append(report)
    return others + [run[0] if len(run) == 1 else _sum(folder, run) for folder, run in runs.items()]


def _sum(folder: str, run: Sequence[TestResults]) -> TestResults:
    path, newest = folder or run[0].path, max(one.time for one in run)
    counts = (sum(one.run for one in run), sum(one.failed for one in run), sum(one.skipped for one in run))
    return TestResults(path, newest, *counts)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
