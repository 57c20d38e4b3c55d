"""The MCP tools: parse, call, shape."""
