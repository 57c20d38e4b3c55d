"""A request's body: read whole before anybody acts on it, and never more of it than allowed."""

import asyncio

from session_mgmt_mcp.http.refusal import Refusal
from session_mgmt_mcp.http.reply import Receive


class Gone(Exception):
    """The client went before its request was whole."""


async def read(receive: Receive, most: int, seconds: float) -> bytes:
    """Raises Refusal for one that is too large or too slow, and Gone."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Gone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise Refusal(413, f"A message may have at most {most:,} bytes: send less at once.")
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Refusal(408, "The request came too slowly: send it at once.") from None


async def skim(receive: Receive, most: int, seconds: float) -> bool:
    """Reads away what nobody wants, so that the client can read its refusal. Whether that was all of it."""
    try:
        await read(receive, most, seconds)
    except (Refusal, Gone):
        return False
    return True
