"""The vendors whose language models can be asked: where they are, and what asking them needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from session_mgmt_mcp.settings import Settings


class Vendor(StrEnum):
    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GEMINI = "gemini"
    OLLAMA = "ollama"

    @property
    def extra(self) -> str:
        """That brings its SDK: `pip install 'session-mgmt-mcp[openai]'`."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Terms:
    """`own`: the address of the vendor itself; `usual`: the one that is asked by default; `variables` hold its own keys."""

    own: str
    usual: str
    variables: tuple[str, ...]
    sdk: str


TERMS: Mapping[Vendor, Terms] = {
    Vendor.ANTHROPIC: Terms(
        "https://api.anthropic.com", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",), "anthropic"
    ),
    Vendor.OPENAI: Terms("https://api.openai.com/v1", "https://api.openai.com/v1", ("OPENAI_API_KEY",), "openai"),
    Vendor.GEMINI: Terms(
        "https://generativelanguage.googleapis.com",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "google.genai",
    ),
    Vendor.OLLAMA: Terms("https://ollama.com", "http://127.0.0.1:11434", ("OLLAMA_API_KEY",), "ollama"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a key is shown to: nobody else at the same host, either."""

    scheme: str
    host: str
    port: int

    @property
    def on_this_machine(self) -> bool:
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


def origin(address: str) -> Origin:
    """Of an address that the settings took.

    >>> origin("https://api.openai.com/v1")
    Origin(scheme='https', host='api.openai.com', port=443)
    """
    parts = urlsplit(address)
    return Origin(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def unencrypted(address: str) -> str:
    """What whoever asks there should know; empty where it goes over https, or stays on this machine.

    >>> unencrypted("https://api.openai.com/v1"), unencrypted("http://127.0.0.1:8080/v1")
    ('', '')
    """
    there = origin(address)
    if there.scheme == "https" or there.on_this_machine:
        return ""
    return (
        f"http://{there.host} is not encrypted: the key and all that is asked can be read on the way. Give an address with "
        "https:// where there is one."
    )


def base_url(vendor: Vendor, settings: Settings) -> str:
    return str(getattr(settings, f"{vendor}_base_url")) or TERMS[vendor].usual


def model(vendor: Vendor, settings: Settings) -> str:
    """Empty: nobody named one."""
    return str(getattr(settings, f"{vendor}_model"))


def order(settings: Settings) -> list[Vendor]:
    """Which may be asked, the first first."""
    return [Vendor(name) for name in dict.fromkeys(settings.llm_providers.split(",")) if name]


def installed(vendor: Vendor) -> bool:
    """Whether its SDK is there; it is not imported."""
    try:
        return importlib.util.find_spec(TERMS[vendor].sdk) is not None
    except (ImportError, ValueError):
        return False
