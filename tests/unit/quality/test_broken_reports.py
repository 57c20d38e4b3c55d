"""Whatever lies where a report is looked for: evidence, nothing, or a name in the list of what could not be read."""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.project import reports
from session_mgmt_mcp.ports.project_files import Coverage, Findings, TestResults

SAMPLES = (
    b'<?xml version="1.0"?><coverage lines-valid="40" lines-covered="30"><lines><line hits="1"/></lines></coverage>',
    b'<report name="a"><counter type="LINE" missed="3" covered="7"/></report>',
    b'<checkstyle><file name="A"><error severity="error"/></file></checkstyle>',
    b'<testsuites><testsuite><testcase name="a"><failure/></testcase></testsuite></testsuites>',
    b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "ruff", "rules": [{"id": "E"}]}}, "results": [{"ruleId": "E", "locations": [{"physicalLocation": {}}]}]}]}',
    b'{"totals": {"covered_lines": 3, "num_statements": 4}, "total": {"lines": {"total": 9, "covered": 3}}}',
    b"TN:\nSF:a.js\nLF:5\nLH:4\nend_of_record\n",
    b"mode: set\na.go:3.10,5.2 2 1\n",
)
PIECES = st.sampled_from(
    [b"", b"0", b"-1", b"1e999", b"Infinity", b"NaN", b"null", b"[]", b"{}", b'"', b"<", b"\xff", b"\0", b"9" * 5_000]
)


@settings(max_examples=400)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_report_is_evidence_or_an_error_that_is_expected(sample, data):
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(len(sample), start + 20)))
    raw = sample[:start] + data.draw(PIECES) + sample[end:]
    try:
        found = reports.read("report", datetime(2026, 1, 1, tzinfo=UTC), raw)
    except reports.BROKEN:
        return
    for report in found:
        match report:
            case Coverage():
                assert 0 <= report.covered <= report.total > 0
            case Findings():
                assert min(report.errors, report.warnings, report.files) >= 0
            case TestResults():
                assert report.run >= 0 and report.failed >= 0


@given(st.binary(max_size=200))
def test_any_bytes_are_no_crash(raw):
    with suppress(*reports.BROKEN):
        assert reports.read("report", datetime(2026, 1, 1, tzinfo=UTC), raw) == []
