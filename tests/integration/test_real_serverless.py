"""Real conversations as the data of serverless sessions: what is kept is what was given, without its secrets."""

import json

import pytest
from session_mgmt_mcp import recall
from session_mgmt_mcp.domain.redaction import redact_values
from session_mgmt_mcp.domain.tokens import tokens

pytestmark = pytest.mark.shared


async def test_what_real_conversations_hold_is_kept_and_listed_within_the_budget(product_in, shop, shared):
    async with product_in(shop) as (app, client):
        given = {}
        for path in sorted((shared / "claude-code" / "real-projects").rglob("*.jsonl"))[:12]:
            lines = [json.loads(line) for line in path.read_text().splitlines()[:40] if line.strip()]
            while len(json.dumps(lines, ensure_ascii=False).encode()) > 60_000:
                lines.pop()
            data = {"lines": lines}
            made = await client.call_tool("create_serverless_session", {"session_data": data, "project_id": path.stem})
            given[made.structured_content["session"]["id"]] = data
        assert len(given) > 5
        for id, data in given.items():
            found = (await client.call_tool("get_serverless_session", {"session_id": id})).structured_content
            assert found["data"] == redact_values(data)
            more = await client.call_tool("update_serverless_session", {"session_id": id, "updates": {"seen": True}})
            assert more.structured_content["data"] == {**found["data"], "seen": True}
        listed = (await client.call_tool("list_serverless_sessions", {"project_id": "*"})).structured_content
        assert listed["total"] == len(given)
        assert tokens(json.dumps(listed, ensure_ascii=False)) <= recall.budget(app) * 1.1
