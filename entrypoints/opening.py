"""Opens the product for a hub or an in-process server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastmcp import FastMCP
from session_mgmt_mcp.service import Service
from session_mgmt_mcp.version import VERSION


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    yield Service(FastMCP("session-mgmt", version=VERSION))
