"""The key of a vendor's server: looked for in the environment, then in the keyring. No key follows to another server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from session_mgmt_mcp import logs
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm.vendors import TERMS, Vendor, origin
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.secret_store import MOST_CHARACTERS, variable_of

_WORD = re.compile(r"[a-z0-9]+")
_KEY = re.compile(rf"[\x21-\x7e]{{1,{MOST_CHARACTERS}}}")
MOST_WORDS, MOST_LETTERS = 5, 60  # of a host, in the name of a secret


class Source(StrEnum):
    ENVIRONMENT = "environment"
    KEYRING = "keyring"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Key:
    """`name` of the variable or of the secret in the keyring, where there is one; of the latter where there is none."""

    source: Source
    name: str
    secret: str = field(default="", repr=False)


def secret_name(vendor: Vendor, address: str) -> str:
    """By which the keyring knows the key for that server; as a variable it is another of the environment.

    Of two servers it is never the same.

    >>> secret_name(Vendor.OPENAI, "https://api.openai.com/v1"), secret_name(Vendor.OPENAI, "http://127.0.0.1:8080/v1")
    ('openai-api-key', 'openai-api-key-127-0-0-1-8080')
    """
    there = origin(address)
    name = f"{vendor}-api-key"
    if there == origin(TERMS[vendor].own):
        return name
    words = _WORD.findall(there.host)[:MOST_WORDS]
    spelled = "-".join(words)[:MOST_LETTERS].rstrip("-")
    plain = ".".join(words) == there.host and len(spelled) == len(there.host)
    if plain and there.scheme == ("http" if there.on_this_machine else "https"):
        return "-".join([name, spelled, str(there.port)])
    mark = sha256(f"{there.scheme}://{there.host}:{there.port}".encode()).hexdigest()[:8]
    return "-".join(filter(None, [name, spelled, str(there.port), mark]))


async def key_of(vendor: Vendor, address: str, credentials: Credentials) -> Key:
    """The first that is found. Raises Invalid, without the key, for one that no server takes."""
    found = key_in_environment(vendor, address, credentials.environment())
    if found is not None:
        return found
    name = secret_name(vendor, address)
    kept = await credentials.keyring.get(name)
    return Key(Source.KEYRING if kept else Source.NONE, name, checked(name, kept) if kept else "")


def key_in_environment(vendor: Vendor, address: str, environment: Mapping[str, str]) -> Key | None:
    """A variable without a host in its name holds the key for the server that the environment names, else the usual one.

    The vendor's own variables hold it for the vendor's own server alone. Raises Invalid as `key_of`.
    """
    there = origin(address)
    name = f"{vendor}-api-key"
    named = environment.get(f"SESSION_MGMT_{vendor.upper()}_BASE_URL") or TERMS[vendor].usual
    variables = [variable_of(secret_name(vendor, address))]
    if there == origin(named):
        variables.append(variable_of(name))
    if there == origin(TERMS[vendor].own):
        variables += TERMS[vendor].variables
    for variable in variables:
        if value := environment.get(variable, "").strip():
            return Key(Source.ENVIRONMENT, variable, checked(variable, value))
    return None


def checked(name: str, key: str) -> str:
    """Raises Invalid, without the key, for what no server takes as one."""
    if not _KEY.fullmatch(key):
        raise Invalid(
            f"{name} is no key: give 1 to {MOST_CHARACTERS:,} characters, without spaces, line breaks or accents."
        )
    logs.hide(key)
    return key
