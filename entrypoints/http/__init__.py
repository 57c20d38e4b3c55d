"""MCP over HTTP: one gate that every request passes, the servers behind it, and the door that opens and closes it."""
