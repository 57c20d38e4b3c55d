"""Whose word a call is: the person whose token came with it, else the one who works at this machine."""

import getpass

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import Invalid


def acting(app: Application, named: str | None) -> str:
    """The user id that a call acts as; None: the caller's own.

    At this machine any name may be given: its owner can read everything anyway. With a token only the token's own.
    Raises Invalid for another one.
    """
    bound = connection.current().user
    if bound and named and named != bound:
        raise Invalid(f"user_id: your token is that of {bound}; leave user_id out, or give that.")
    return bound or named or app.settings.user_id or getpass.getuser()
