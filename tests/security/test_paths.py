"""Path traversal: whatever is given for a path, an id or a name, nothing beyond is read into an answer or written."""

from pathlib import Path

import pytest
from session_mgmt_mcp import connection

from tests.security.calls import SPECS, kinds, needed, said, schema
from tests.unit.handoffs.conftest import Git

CONTENT = "CANARYCONTENT"
BY_DESIGN = {
    "git_worktree_add": "makes a worktree where the user wants it, through git, and never over what is there",
}
"""Tools whose parameter may name a place outside of the project, each with the reason."""


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture
def outside(tmp_path, shop):
    """A folder beside the project, which a link in the project leads to."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(CONTENT)
    (folder / "id_rsa").write_text(CONTENT)
    (shop / "link").symlink_to(folder)
    (shop / "secret.txt").symlink_to(folder / "secret.txt")
    return folder


def hostile(outside: Path) -> list[str]:
    return [
        "../outside/secret.txt", str(outside / "secret.txt"), "link/secret.txt", "secret.txt", "..%2foutside%2fsecret.txt", "..\\outside\\secret.txt", f"file://{outside}/secret.txt", "a\0b", "../" * 40 + "etc/passwd", "/proc/self/environ", "--output=../outside/made", "~/../outside/made", "", "a/../../outside/made",
    ]  # fmt: skip


async def tried(client, outside, specs, words) -> list[str]:
    wrong = []
    for spec in specs:
        for name, parameter in schema(spec).items():
            if "string" not in kinds(parameter) or "closed" in kinds(parameter):
                continue
            for word in words:
                before = tree(outside)
                _, text, _ = await said(client, spec.name, {**needed(spec), name: word})
                if CONTENT in text or "root:x:0" in text:
                    wrong.append(f"{spec.name}({name}={word!r}) shows {text[:200]}")
                if tree(outside) != before and spec.name not in BY_DESIGN:
                    wrong.append(f"{spec.name}({name}={word!r}) wrote beyond the project")
                if "Traceback" in text:
                    wrong.append(f"{spec.name}({name}={word!r}) tells of its inside: {text[:200]}")
    return wrong


PATHS = (
    "working_directory",
    "path",
    "from_path",
    "to_path",
    "file_path",
    "team_id",
    "session_id",
    "run",
    "args",
    "project",
)


async def test_names_that_lead_out_of_a_project_lead_nowhere(product_in, shop, outside):
    Git(shop)
    some = (
        "start",
        "crackerjack_run",
        "create_team",
        "get_serverless_session",
        "search_by_file",
        "crackerjack_history",
    )
    async with product_in(shop) as (_, client):
        assert (
            await tried(client, outside, [spec for spec in SPECS if spec.name in some[2:5]], hostile(outside)[:6]) == []
        )


@pytest.mark.slow
async def test_no_parameter_of_any_tool_leads_out_of_a_project(product_in, shop, outside):
    Git(shop)
    (shop / "cart.py").write_text("total = 1\n")
    async with product_in(shop, quality_runner="pytools") as (_, client):
        specs = [spec for spec in SPECS if set(PATHS) & set(schema(spec)) or spec.annotations.read_only_hint]
        slow = ("crackerjack_run", "execute_crackerjack_command")
        wrong = await tried(client, outside, [spec for spec in specs if spec.name not in slow], hostile(outside))
        for word in hostile(outside):
            for tool in slow:
                before = tree(outside)
                _, text, _ = await said(client, tool, {"command": "format", "args": word})
                if tree(outside) != before or CONTENT in text:
                    wrong.append(f"{tool}(args={word!r}): {text[:200]}")
        assert wrong == []


async def test_a_worktree_is_never_made_over_what_is_there(product_in, shop, outside):
    Git(shop)
    async with product_in(shop) as (_, client):
        assert connection.current().folder == str(shop)
        before = tree(outside)
        for word in (str(outside), str(outside / "secret.txt"), "link"):
            failed, _, _ = await said(client, "git_worktree_add", {"branch": "b", "path": word, "create_branch": True})
            assert failed and tree(outside) == before
