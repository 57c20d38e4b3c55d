"""Nothing of one project is seen from another by default: every tool that reads, enumerated."""

import pytest
from session_mgmt_mcp import connection, resources

from tests.security.calls import READING, needed, said
from tests.unit.handoffs.conftest import Transcript

CANARY = "zibeline"
WIDER: dict[str, str] = {
    "list_teams": "a team is of people, not of a project",
    "search_team_knowledge": "what was shared on purpose is found wherever its members are",
    "list_serverless_sessions": "a serverless session is its user's; project_id narrows it",
    "search_across_projects": "its very purpose, and only into projects that were declared to be near",
    "get_project_insights": "its very purpose, and only of projects that were declared to be near",
    "list_project_groups": "says which projects belong together",
}
"""Tools that show more than the caller's project, each with the reason."""


async def filled(app, client, shop, folder) -> None:
    """The word lies in everything that the first project can hold."""
    talk = Transcript(folder / "home" / ".claude" / "projects" / "-shop", shop)
    talk.user(f"Why does the {CANARY} till fail?")
    talk.assistant(
        f"We decided to keep the {CANARY} till, because def {CANARY}(): pass works.\n```python\ndef {CANARY}():\n    return 1\n```"
    )
    talk.edit(shop / f"{CANARY}.py")
    talk.bash(f"pytest {CANARY}", failed=f"Exit code 1\nKeyError: '{CANARY}'")
    talk.todos(**{f"mend the {CANARY}": "pending"})
    await app.capture.import_paths([talk.path])
    for tool, arguments in (
        ("store_reflection", {"content": f"The {CANARY} key opens the till.", "tags": [CANARY]}),
        ("create_natural_reminder", {"title": f"Call the {CANARY}", "time_expression": "in 2 hours"}),
        ("checkpoint", {"name": CANARY}),
        ("reflect_on_past", {"query": f"where is the {CANARY}"}),
        ("preserve_current_context", {"session_id": talk.session}),
        ("create_serverless_session", {"session_data": {"note": CANARY}}),
        ("end", {}),
    ):
        await said(client, tool, arguments)
    await app.embedding.wait_idle()


@pytest.mark.slow
async def test_no_tool_that_reads_shows_another_project_unless_it_is_asked_for(product_in, shop, tmp_path):
    other = tmp_path / "blog"
    other.mkdir()
    async with product_in(shop, "s1") as (app, client):
        await filled(app, client, shop, tmp_path)
        assert CANARY in (await said(client, "reflect_on_past", {"query": CANARY}))[1], "at home it is found"
        seen = {}
        with connection.entered(connection.Connection(cwd=str(other), project_dir=str(other), session_id="s2")):
            for spec in READING:
                given = needed(spec, "till key")
                _, text, _ = await said(client, spec.name, given)
                if CANARY in text:
                    seen[spec.name] = text[:300]
            for tool in ("start", "session_welcome", "status", "checkpoint", "end"):
                _, text, _ = await said(client, tool, {})
                if CANARY in text:
                    seen[tool] = text[:300]
            for uri in resources.RESOURCES:
                [page] = await client.read_resource(uri)
                if CANARY in page.text:
                    seen[uri] = page.text[:300]
            wide = (await said(client, "reflect_on_past", {"query": CANARY, "project": "*"}))[1]
    assert {name: text for name, text in seen.items() if name not in WIDER} == {}
    assert CANARY in wide, "who asks for all projects has them"


def test_every_exception_is_a_tool_with_a_reason():
    assert set(WIDER) <= {spec.name for spec in READING}
    assert all(len(reason) > 20 for reason in WIDER.values())
