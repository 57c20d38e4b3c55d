"""docs/faults.md: the tests that it names are there, and its sentences are those of the product."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`([\w./]+\.py)::(test_\w+)`", PAGE)))
SENTENCES = sorted(set(re.findall('"([^"]+)"', PAGE)))
COUNTERPARTS = {
    "test_a_command_waits_for_a_verb_that_takes_long",
    "test_a_hub_that_leaves_makes_no_socket_again",
    "test_a_killed_writer_whose_log_is_whole_sets_nothing_aside",
    "test_copies_of_rows_that_find_no_room_are_given_up",
}
"""Tests of what stays as it is without the fault."""
PLACE = re.compile(r"…|%s|\{\}")


def texts(file):
    """Each text in it, with … where something is put in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield PLACE.sub("…", "".join(str(part) for part in parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield PLACE.sub("…", node.value)


@pytest.fixture(scope="module")
def said():
    folders = ("adapters", "domain", "entrypoints", "ports")
    return [text for folder in folders for file in (ROOT / folder).rglob("*.py") for text in texts(file)]


def test_each_test_that_the_page_names_is_there():
    assert len(TESTS) > 40
    for file, name in TESTS:
        source = (ROOT / "tests" / "integration" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{file} has no {name}"


def test_each_fault_that_is_injected_here_is_on_the_page():
    named = {name for _, name in TESTS}
    for file in Path(__file__).parent.glob("test_*.py"):
        if file.name == Path(__file__).name:
            continue
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE):
            assert name in named | COUNTERPARTS, f"{file.name}: {name} is not on the page"


def test_each_sentence_on_the_page_is_one_of_the_product(said):
    assert len(SENTENCES) > 20
    for sentence in SENTENCES:
        wanted = re.escape(sentence).replace("…", ".+")
        assert any(re.search(wanted, text) for text in said), f"nobody says {sentence!r}"
