"""What every ProjectFiles does."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.project_files import Language, ProjectFiles, Survey

Make: TypeAlias = Callable[[Mapping[str, bytes]], tuple[ProjectFiles, Path]]

SHOP: Mapping[str, bytes] = {
    "pyproject.toml": b'[project]\nname = "shop"\n',
    "uv.lock": b"version = 1\n",
    "pytest.ini": b"[pytest]\n",
    "README.md": b"# Shop\n",
    ".gitignore": b".env\n",
    ".env": b"PORT=8081\n",
    ".github/workflows/ci.yml": b"on: push\n",
    "docs/cart.md": b"# Cart\n",
    "shop/cart.py": "# Körbe\n".encode(),
    "shop/prices.py": b"PRICES = {}\n",
    "tests/test_cart.py": b"def test_it(): ...\n",
    "logo.png": b"\x89PNG\0\0",
}


class ProjectFilesContract:
    """Subclass it and give a `project` fixture: makes a folder of these files, and what looks at it."""

    async def test_a_folder_that_is_not_there_is_not_found(self, project: Make) -> None:
        files, folder = project({})
        with pytest.raises(NotFound, match="folder"):
            await files.survey(folder / "gone")

    async def test_an_empty_folder_holds_nothing(self, project: Make) -> None:
        files, folder = project({})
        found = await files.survey(folder)
        assert (found.files, found.sources, found.manifests, found.texts) == (0, {}, [], [])
        assert not found.capped and not found.readme

    async def test_what_a_project_is_made_of_is_found(self, project: Make) -> None:
        files, folder = project(SHOP)
        found = await files.survey(folder)
        assert found.sources == {Language.PYTHON: 3} and found.test_files == 1 and found.pages == 1
        assert [(one.path, one.manager) for one in found.manifests] == [("pyproject.toml", "uv")]
        assert [one.path for one in found.locks] == ["uv.lock"] and found.locks[0].time.tzinfo is not None
        assert found.test_tools == {"pytest": "pytest.ini"} and found.readme == "README.md"
        assert found.pipelines == [("github", ".github/workflows/ci.yml")]
        assert found.ignore_files == [".gitignore"] and found.env_files == [".env"]

    async def test_only_what_is_tracked_counts_and_secrets_and_reports_beside_it(self, project: Make) -> None:
        files, folder = project(SHOP)
        found = await files.survey(folder, ["shop/cart.py", "README.md"])
        assert (found.files, found.sources, found.manifests, found.locks) == (2, {Language.PYTHON: 1}, [], [])
        assert found.env_files == [".env"] and "shop/cart.py" in found.texts

    async def test_the_same_folder_twice_is_the_same(self, project: Make) -> None:
        files, folder = project(SHOP)
        assert await files.survey(folder) == await files.survey(folder) != Survey()

    async def test_texts_are_read_and_what_is_binary_or_gone_is_left_out(self, project: Make) -> None:
        files, folder = project(SHOP)
        read = [text async for text in files.read(folder, ["shop/cart.py", "logo.png", "gone.py", "pyproject.toml"])]
        assert {text.path: text.text for text in read} == {
            "shop/cart.py": "# Körbe\n",
            "pyproject.toml": '[project]\nname = "shop"\n',
        }
        assert all(text.whole for text in read)
