"""SECURITY.md is true: each test that it names exists, each threat has one, and it is found from where people look."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def test_each_test_that_is_named_exists():
    assert len(NAMED) >= 20
    missing = [
        f"{file}::{test}"
        for file, test in NAMED
        if not re.search(rf"^\s*(?:async )?def {test}\(", (ROOT / file).read_text(), re.M)
    ]
    assert missing == []


def test_each_threat_has_an_answer_and_a_test():
    rows = PAGE.partition("## What is answered")[2].partition("\n## ")[0].splitlines()
    rows = [row.strip("| ").split(" | ") for row in rows if row.startswith("| ") and not row.startswith("| threat")]
    assert len(rows) >= 20
    assert [row for row in rows if len(row) != 3 or "::" not in row[2]] == []


def test_each_file_of_these_tests_is_named_on_the_page():
    here = {f"tests/security/{file.name}" for file in Path(__file__).parent.glob("test_*.py")} - {
        f"tests/security/{Path(__file__).name}"
    }
    assert here <= {file for file, _ in NAMED}


def test_it_is_linked_from_the_first_page_and_names_no_address_of_anybody():
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text()
    assert "](../SECURITY.md)" in (ROOT / "docs" / "http.md").read_text()
    assert not re.search(r"[\w.]+@[\w-]+\.\w+", PAGE)
    assert all((ROOT / link).exists() for link in re.findall(r"\]\(([^)#]+)\)", PAGE))


def test_it_is_one_page():
    assert len(PAGE.split()) < 1_300
