"""A vendor's key, address and default model: tried, then kept, the key in the keyring and nowhere else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from session_mgmt_mcp import settings_file
from session_mgmt_mcp.credentials import kept
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.llm.keys import Key, Source, checked, key_in_environment, key_of, secret_name
from session_mgmt_mcp.llm.providers import Providers, access_with, vendor_named
from session_mgmt_mcp.llm.trying import Tested, tried
from session_mgmt_mcp.llm.vendors import Vendor, base_url, model, unencrypted
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.llm_provider import LLMProvider
from session_mgmt_mcp.settings import Settings, changed, named_in_environment


@dataclass(frozen=True, slots=True)
class Configured:
    """`stored` names what was kept, never a value; `notes` are sentences that the user should know of."""

    tested: Tested
    kept: bool = False
    stored: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)


async def configure(
    providers: Providers, name: str, key: str | None, address: str | None, default_model: str | None, confirm: bool
) -> Configured:
    """Tries the new access; with `confirm` keeps it, and calls go there from now on. One that fails changes nothing, but
    what is only taken away is gone: whoever goes back to the usual server may have no key for it.

    Raises Invalid, without the key, for what cannot be one, and Unavailable where no keyring or file keeps it.
    """
    vendor = vendor_named(name)
    wanted = _wanted(vendor, address, default_model)
    decided = named_in_environment()
    new = changed(providers.settings, {of: value for of, value in wanted.items() if of not in decided})
    place = base_url(vendor, new)
    hidden = {secret_name(vendor, place): checked("api_key", key)} if key is not None else {}
    tested = await _tried(providers, vendor, place, key, new)
    notes = _notes(providers, vendor, place, wanted, bool(hidden), decided, tested, model(vendor, new))
    taken_away = key is None and bool(wanted) and not any(wanted.values())
    if tested.problem and taken_away and not confirm:
        notes.append(f"confirm=true takes {' and '.join(wanted)} away all the same.")
    if not confirm or (tested.problem and not taken_away):
        return Configured(tested, notes=notes)
    async with kept(providers.credentials.keyring, hidden):
        if wanted:
            await asyncio.to_thread(settings_file.write, wanted)
    providers.settings = changed(
        providers.settings, {of: value for of, value in wanted.items() if of not in decided}
    )  # another vendor may have been configured meanwhile
    return Configured(tested, True, [*wanted, *hidden], notes)


def _wanted(vendor: Vendor, address: str | None, default_model: str | None) -> dict[str, str]:
    """Settings by name. Raises Invalid, without the value, where one holds a secret."""
    given = {f"{vendor}_base_url": address, f"{vendor}_model": default_model}
    wanted = {name: value.strip() for name, value in given.items() if value is not None}
    for name, value in wanted.items():
        if redact(value).counts:
            raise Invalid(f"{name}: there is a secret in it; give a key as api_key, which only the keyring keeps.")
    return wanted


async def _tried(providers: Providers, vendor: Vendor, address: str, key: str | None, settings: Settings) -> Tested:
    opened: list[LLMProvider] = []

    async def new() -> LLMProvider:
        found = await key_of(vendor, address, providers.credentials) if key is None else Key(Source.KEYRING, "", key)
        opened.append(providers.make(vendor, access_with(vendor, address, found), settings))
        return opened[0]

    try:
        return await tried(vendor, address, new)
    finally:
        for provider in opened:
            await provider.close()


def _notes(
    providers: Providers,
    vendor: Vendor,
    address: str,
    wanted: dict[str, str],
    with_key: bool,
    decided: set[str],
    tested: Tested,
    default_model: str,
) -> list[str]:
    over = [f"SESSION_MGMT_{name.upper()}" for name in wanted if name in decided]
    in_environment = key_in_environment(vendor, address, providers.credentials.environment())
    over += [in_environment.name] if with_key and in_environment else []
    notes = [open_to_all] if (open_to_all := unencrypted(address)) else []
    notes += [
        f"{name} in the environment of the hub wins over what is kept: take it away there, or set it to the same."
        for name in over
    ]
    if tested.problem:
        return notes
    if not default_model:
        notes.append(f"There is no default model: give default_model, or name one with each call{_offer(tested)}.")
    elif tested.models and default_model not in tested.models:
        notes.append(f"The server does not name {default_model[:100]} among its models{_offer(tested)}.")
    return notes


def _offer(tested: Tested) -> str:
    return f" (it has {', '.join(tested.models[:5])})" if tested.models else ""
