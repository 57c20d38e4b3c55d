"""Who can be asked is asked, over either handshake, before anything is gone."""

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

ERAS = ("legacy", "2026-07-28")


class Person:
    """Answers what a client asks them."""

    def __init__(self, action: str, value: bool | None = None) -> None:
        self.answer = (action, value)
        self.asked: list[str] = []

    async def __call__(self, message, response_type, params, context):
        self.asked.append(message)
        action, value = self.answer
        return ElicitResult(action=action, content=None if value is None else {"value": value})


@pytest.fixture
async def app():
    async with open_application(load(embedder="memory")) as app:
        yield app


async def reset(app, person: Person | None, era: str, **arguments) -> tuple[dict, int]:
    """The reply, and how many memories are left of one."""
    async with Client(build_server(app), elicitation_handler=person, mode=era) as client:
        await client.call_tool("store_reflection", {"content": "The proxy listens on port 8081", "project": None})
        reply = await client.call_tool("reset_reflection_database", arguments)
        stats = await client.call_tool("reflection_stats", {})
    return reply.structured_content, stats.structured_content["memories"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_yes_resets_after_a_backup(app, era):
    person = Person("accept", True)
    reply, left = await reset(app, person, era, confirm=True)
    assert reply["reset"] and left == 0 and (load().data_dir / "backups" / reply["backup"]).exists()
    assert len(person.asked) == 1 and "1 memory" in person.asked[0]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("answer", [("accept", False), ("decline", None), ("cancel", None)])
async def test_anything_but_a_yes_touches_nothing(app, era, answer):
    reply, left = await reset(app, Person(*answer), era, confirm=True)
    assert not reply["reset"] and left == 1 and "did not agree" in reply["summary"]
    assert not (load().data_dir / "backups").exists()


@pytest.mark.parametrize("era", ERAS)
async def test_without_confirm_nobody_is_asked_and_nothing_goes(app, era):
    person = Person("accept", True)
    reply, left = await reset(app, person, era)
    assert not reply["reset"] and left == 1 and not person.asked and "would go" in reply["summary"]


@pytest.mark.parametrize("era", ERAS)
async def test_where_nobody_can_be_asked_confirm_is_enough(app, era):
    reply, left = await reset(app, None, era, confirm=True)
    assert reply["reset"] and left == 0


async def test_the_published_answer_is_the_reset_alone(app):
    async with Client(build_server(app)) as client:
        [tool] = [tool for tool in await client.list_tools() if tool.name == "reset_reflection_database"]
    assert set(tool.output_schema["properties"]) == {"summary", "reset", "memories", "backup"}
    assert set(tool.input_schema["properties"]) == {"confirm"}
