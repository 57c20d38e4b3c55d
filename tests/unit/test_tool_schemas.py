"""Schemas of tools, as they are published."""

import pytest
from fastmcp.tools import Tool
from fastmcp.utilities.json_schema import dereference_refs
from session_mgmt_mcp import mcp_server
from session_mgmt_mcp.tools.registry import TOOLS, whole


def test_there_are_tools():
    assert mcp_server
    assert len(TOOLS) > 10


@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.name)
def test_what_a_schema_refers_to_stands_in_it(spec):
    made = Tool.from_function(spec.function)
    for schema in (made.parameters, made.output_schema or {}):
        assert whole(schema) == dereference_refs(schema)
        assert "$ref" not in str(whole(schema))


def test_what_stands_beside_a_reference_counts_more():
    schema = {
        "properties": {"a": {"$ref": "#/$defs/A", "title": "here"}},
        "$defs": {"A": {"type": "string", "title": "A"}},
    }
    assert whole(schema) == {"properties": {"a": {"type": "string", "title": "here"}}}
