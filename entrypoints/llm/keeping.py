"""`api-key`: a key goes into the keyring, or out of it, without a hub, a call or a conversation."""

import asyncio
import getpass
import os
import shlex
import sys
from typing import Any

from session_mgmt_mcp.adapters.keyring.secret_store import SERVICE, KeyringSecretStore
from session_mgmt_mcp.llm.keys import checked, key_in_environment, secret_name
from session_mgmt_mcp.llm.vendors import Vendor, base_url, origin, unencrypted
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.secret_store import MOST_CHARACTERS
from session_mgmt_mcp.settings import changed, load

WHERE = f"the operating system's keyring, service {SERVICE}"


def read(vendor: Vendor) -> str:
    """Asked for where somebody types, unseen; else what comes on stdin. Raises Invalid, without it, for what is no key."""
    if sys.stdin is not None and sys.stdin.isatty():
        said = getpass.getpass(f"Key of {vendor} (it is not shown): ", sys.stderr)
    else:
        said = "" if sys.stdin is None else sys.stdin.buffer.read(2 * MOST_CHARACTERS).decode("latin-1")
    if not said.strip():
        raise Invalid("No key was given: type it, or send it on stdin.")
    return checked("what was given", said.strip())


def keep(vendor: Vendor, key: str, server: str | None = None) -> dict[str, Any]:
    """{"kept_in", "name", "for", "note"}, never the key. `server`: its address; None: as it is set.

    Raises Unavailable where there is no keyring, Invalid for what is no address.
    """
    address = _address(vendor, server)
    name = secret_name(vendor, address)
    asyncio.run(KeyringSecretStore().set(name, key))
    return {"kept_in": WHERE, "name": name, "for": _server(address), "note": _note(vendor, address, server)}


def forget(vendor: Vendor, server: str | None = None) -> dict[str, Any]:
    """{"deleted", "kept_in", "name", "for"}: whether there was one. Raises as `keep`."""
    address = _address(vendor, server)
    name = secret_name(vendor, address)
    gone = asyncio.run(KeyringSecretStore().delete(name))
    return {"deleted": gone, "kept_in": WHERE, "name": name, "for": _server(address)}


def _address(vendor: Vendor, server: str | None) -> str:
    settings = load()
    return base_url(vendor, changed(settings, {f"{vendor}_base_url": server}) if server else settings)


def _server(address: str) -> str:
    there = origin(address)
    return f"{there.scheme}://{there.host}:{there.port}"


def _note(vendor: Vendor, address: str, server: str | None) -> str:
    return f"{unencrypted(address)} {_next(vendor, address, server)}".lstrip()


def _next(vendor: Vendor, address: str, server: str | None) -> str:
    found = key_in_environment(vendor, address, os.environ)
    if found is not None:
        return f"{found.name} in the environment wins over it."
    if origin(address) != origin(_address(vendor, None)):
        call = f"configure_llm_provider provider={vendor} {shlex.quote(f'base_url={server}')}"
        return f"{vendor} is not asked there yet: `session-mgmt-mcp call {call} default_model=MODEL` tries it."
    return f"`session-mgmt-mcp call test_llm_providers provider={vendor}` tries it."
