"""Starting layouts: offered where a project has yet to begin, written only when asked, over nothing."""

import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp import layouts
from session_mgmt_mcp.domain.quality.stack import Stack
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.template_files import LAYOUTS
from session_mgmt_mcp.domain.templates import layout, offer
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.project_files import Language

LANGUAGES = list(LAYOUTS)


def files_in(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_an_empty_project_is_offered_every_layout():
    found = offer(Stack())
    assert found is not None and found.language is None and list(found.languages) == LANGUAGES
    assert all(language in found.summary for language in LANGUAGES) and "when asked for" in found.summary


def test_a_bare_project_is_offered_the_layout_of_its_language():
    found = offer(Stack(languages=[(Language.GO, 0.9), (Language.SHELL, 0.1)]))
    assert found is not None and found.language == Language.GO and "for go" in found.summary


@pytest.mark.parametrize(
    "stack",
    [
        Stack(languages=[(Language.GO, 1.0)], manifests=["go.mod"]),
        Stack(languages=[(Language.GO, 1.0)], test_files=1),
        Stack(manifests=["package.json"]),
        Stack(languages=[(Language.ELIXIR, 1.0)]),
    ],
)
def test_a_project_that_has_begun_is_offered_nothing(stack):
    assert offer(stack) is None


def test_a_language_without_a_layout_is_refused_with_those_that_have_one():
    for language in ("cobol", "", Language.ELIXIR):
        with pytest.raises(Invalid, match="python, typescript"):
            layout(language, "shop")


@pytest.mark.parametrize("language", LANGUAGES)
@given(name=st.text(max_size=60))
def test_whatever_the_folder_is_called_paths_stay_inside_and_no_mark_is_left(language, name):
    for path, text in layout(language, name).files.items():
        assert re.fullmatch(r"[\w.-]+(/[\w.-]+)*", path, re.ASCII) and ".." not in path
        assert "@" not in path and not re.search(r"@[A-Z]+@", text)
        assert text.endswith("\n") and text.count("\n") < 60


@pytest.mark.parametrize("name", ["class", "test", "json", "7 wonders", "äöü", "main", "Import", "rust-fn", "42", ""])
def test_names_that_a_language_keeps_for_itself_are_made_others(name):
    module = re.search(r'packages = \["src/(.*)"\]', layout("python", name).files["pyproject.toml"])[1]
    assert module.isidentifier() and module not in sys.stdlib_module_names and module not in ("class", "import", "main")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_layout_ignores_secrets_and_holds_none(language):
    files = layout(language, "shop").files
    assert ".env" in files[".gitignore"].split()
    assert all(redact(text).text == text for text in files.values())
    assert layout(language, "shop").test in files["README.md"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_confirmed_is_written_and_named(shop, language):
    assert layouts.apply(shop, language, confirm=True) == list(layout(language, "shop").files)
    assert files_in(shop) == layout(language, "shop").files


def test_without_confirmation_nothing_is_written_and_all_of_it_is_named(shop):
    with pytest.raises(Invalid, match=r"Cargo\.toml, src/lib\.rs") as caught:
        layouts.apply(shop, "rust", confirm=False)
    assert str(shop) in str(caught.value) and list(shop.iterdir()) == []


def test_a_readme_and_an_ignore_file_stay_as_they_are(shop):
    (shop / "README.md").write_text("mine\n")
    (shop / "LICENSE").write_text("mine, too\n")
    (shop / "main.go").write_text("package shop\n")
    assert layouts.planned(shop, "go").kept == ["README.md"]
    assert layouts.apply(shop, "go", confirm=True) == ["go.mod", "greeting.go", "greeting_test.go", ".gitignore"]
    assert files_in(shop)["README.md"] == "mine\n" and files_in(shop)["main.go"] == "package shop\n"


def test_a_second_time_nothing_is_written(shop):
    layouts.apply(shop, "go", confirm=True)
    (shop / "greeting.go").write_text("package shop // mine now\n")
    (shop / "go.mod").unlink()
    before = files_in(shop)
    with pytest.raises(Conflict, match=r"greeting\.go"):
        layouts.apply(shop, "go", confirm=True)
    assert files_in(shop) == before


def test_a_file_or_a_link_in_the_place_of_a_folder_is_in_the_way(shop, tmp_path):
    (shop / "src").write_text("a file")
    with pytest.raises(Conflict, match=r"src/lib\.rs"):
        layouts.apply(shop, "rust", confirm=True)
    (shop / "src").unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (shop / "src").symlink_to(elsewhere)
    with pytest.raises(Invalid, match="is a link"):
        layouts.apply(shop, "rust", confirm=True)
    assert list(elsewhere.iterdir()) == [] and list(shop.iterdir()) == [shop / "src"]


def test_a_link_to_nothing_in_the_place_of_a_file_is_in_the_way(shop, tmp_path):
    (shop / "Cargo.toml").symlink_to(tmp_path / "nothing")
    with pytest.raises(Conflict, match=r"Cargo\.toml"):
        layouts.apply(shop, "rust", confirm=True)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("failing", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device", "x"), FileExistsError(17, "", "x")])
def test_when_one_file_fails_none_is_left(shop, monkeypatch, failing, failure):
    (shop / "tests").mkdir()
    (shop / "tests" / "mine.rs").write_text("mine\n")
    calls = []
    write = layouts._write

    def failing_write(*arguments):
        calls.append(arguments)
        write(*arguments)
        if len(calls) == failing:
            raise failure

    monkeypatch.setattr(layouts, "_write", failing_write)
    with pytest.raises((Unavailable, Conflict), match="nothing was written"):
        layouts.apply(shop, "rust", confirm=True)
    assert files_in(shop) == {"tests/mine.rs": "mine\n"} and [one.name for one in shop.iterdir()] == ["tests"]


def test_only_a_real_project_folder_is_taken(tmp_path, monkeypatch, shop):
    with pytest.raises(NotFound, match="make it first"):
        layouts.apply(tmp_path / "none", "go", confirm=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match="absolute"):
        layouts.apply("shop", "go", confirm=True)
    for folder in (os.environ["HOME"], "/"):
        with pytest.raises(Invalid, match="no project's folder"):
            layouts.apply(folder, "go", confirm=True)
