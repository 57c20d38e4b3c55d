"""Whether a vendor's server answers and takes the key, and which models it names. Nothing is generated."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.llm.keys import Key, Source, key_of, secret_name
from session_mgmt_mcp.llm.providers import Providers, vendor_named
from session_mgmt_mcp.llm.vendors import TERMS, Vendor, base_url, installed, model, order, origin, unencrypted
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import LLMProvider
from session_mgmt_mcp.settings import Settings

TRIAL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a vendor without asking it. `place` in the order, from 1; None: not in it."""

    vendor: Vendor
    installed: bool
    key: Key
    base_url: str
    model: str
    place: int | None
    set_up: bool
    problem: str = ""  # of the key


@dataclass(frozen=True, slots=True)
class Tested:
    """`milliseconds` until it had answered; `problem` is empty where all went well. `models`: None, it has no list."""

    vendor: Vendor
    base_url: str
    milliseconds: float
    models: Sequence[str] | None
    problem: str = ""


async def standings(providers: Providers) -> list[Standing]:
    """Of each vendor, those of the order first. No server is asked."""
    found = [await standing(providers, vendor) for vendor in Vendor]
    return sorted(found, key=lambda one: one.place or len(Vendor) + 1)


async def standing(providers: Providers, vendor: Vendor) -> Standing:
    """Whoever has a key, a model, an address of their own or a place in the order is set up."""
    known = without_keys(providers.settings, vendor)
    try:
        key = await key_of(vendor, known.base_url, providers.credentials)
    except Invalid as error:
        return replace(known, set_up=True, problem=str(error))
    has_key = key.source is not Source.NONE
    problem = unencrypted(known.base_url) if has_key else ""
    return replace(known, key=key, set_up=known.set_up or has_key, problem=problem)


def without_keys(settings: Settings, vendor: Vendor) -> Standing:
    """As far as the settings say."""
    address, asked, named = base_url(vendor, settings), order(settings), model(vendor, settings)
    place = asked.index(vendor) + 1 if vendor in asked else None
    elsewhere = origin(address) != origin(TERMS[vendor].usual)
    nowhere = Key(Source.NONE, secret_name(vendor, address))
    return Standing(vendor, installed(vendor), nowhere, address, named, place, bool(place or named or elsewhere))


async def tested(providers: Providers, only: str | None = None) -> list[Tested]:
    """Side by side: that one, or each that is set up, those of the order first. Raises Invalid for an unknown name."""
    if only is not None:
        wanted = [vendor_named(only)]
    else:
        wanted = [one.vendor for one in await standings(providers) if one.set_up]
    trials = (tried(one, base_url(one, providers.settings), partial(providers.open, one)) for one in wanted)
    return list(await asyncio.gather(*trials))


async def tried(vendor: Vendor, address: str, opened: Callable[[], Awaitable[LLMProvider]]) -> Tested:
    """Never raises a PortError: it is what is told."""
    began = time.perf_counter()
    models: Sequence[str] | None = None
    problem = ""
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            provider = await opened()
            await provider.health()
            models = await _models(provider)
    except TimeoutError:
        problem = f"{address} took longer than {TRIAL_SECONDS:g} seconds: see whether it is there, and how far away."
    except PortError as error:
        problem = redact(" ".join(str(error).split())).text
    return Tested(vendor, address, 1_000 * (time.perf_counter() - began), models, problem)


async def _models(provider: LLMProvider) -> Sequence[str] | None:
    try:
        return await provider.models()
    except Unsupported:
        return None
