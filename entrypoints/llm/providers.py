"""The providers of an application: each is made with its first call, and anew once its address or its key is another."""

import asyncio
import shlex
from collections.abc import Callable, Iterator, Mapping

from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm.keys import Key, Source, key_of, secret_name
from session_mgmt_mcp.llm.vendors import TERMS, Vendor, base_url, model, origin
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.llm_provider import Access, Denied, LLMProvider
from session_mgmt_mcp.ports.secret_store import variable_of
from session_mgmt_mcp.settings import Settings


def made(vendor: Vendor, access: Access, settings: Settings) -> LLMProvider:
    """Nothing is imported of its SDK, and nothing sent, before its first call. The caller closes it."""
    from session_mgmt_mcp.adapters.patient_llm import Patience, PatientProvider

    return PatientProvider(_adapter(vendor, access), Patience(total=settings.llm_timeout))


def _adapter(vendor: Vendor, access: Access) -> LLMProvider:
    match vendor:
        case Vendor.ANTHROPIC:
            from session_mgmt_mcp.adapters.anthropic.llm_provider import AnthropicProvider

            return AnthropicProvider(access)
        case Vendor.OPENAI:
            from session_mgmt_mcp.adapters.openai.llm_provider import OpenAIProvider

            return OpenAIProvider(access)
        case Vendor.GEMINI:
            from session_mgmt_mcp.adapters.gemini.llm_provider import GeminiProvider

            return GeminiProvider(access)
        case Vendor.OLLAMA:
            from session_mgmt_mcp.adapters.ollama.llm_provider import OllamaProvider

            return OllamaProvider(access)


Maker = Callable[[Vendor, Access, Settings], LLMProvider]


class Providers:
    """`settings` may be exchanged while they are in use: what is asked from then on goes where they say."""

    def __init__(self, settings: Settings, credentials: Credentials, make: Maker = made) -> None:
        self.settings = settings
        self.credentials = credentials
        self.make = make
        self._current: dict[Vendor, tuple[Access, LLMProvider]] = {}
        self._left: list[LLMProvider] = []  # somebody may still read an answer of theirs
        self._one_at_a_time = asyncio.Lock()

    async def open(self, name: str) -> LLMProvider:
        """Nothing is sent. Raises Invalid for an unknown name or a key that is none, Denied without one, Unsupported."""
        vendor = vendor_named(name)
        address = base_url(vendor, self.settings)
        access = access_with(vendor, address, await key_of(vendor, address, self.credentials))
        async with self._one_at_a_time:
            known, provider = self._current.get(vendor, (None, None))
            if provider is not None and known == access:
                return provider
            new = self.make(vendor, access, self.settings)
            if provider is not None:
                self._left.append(provider)
            self._current[vendor] = access, new
            return new

    async def close(self) -> None:
        opened = [*self._left, *(provider for _, provider in self._current.values())]
        self._current, self._left = {}, []
        await asyncio.gather(*(provider.close() for provider in opened), return_exceptions=True)


class DefaultModels(Mapping[str, str]):
    """Each vendor's default model, as the settings of `providers` say at the moment."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def __getitem__(self, name: str) -> str:
        if name not in list(Vendor):
            raise KeyError(name)
        return model(Vendor(name), self._providers.settings)

    def __iter__(self) -> Iterator[str]:
        return iter(map(str, Vendor))

    def __len__(self) -> int:
        return len(Vendor)


def vendor_named(name: str) -> Vendor:
    """Raises Invalid for one that there is not."""
    try:
        return Vendor(name)
    except ValueError:
        raise Invalid(f"provider: there are {', '.join(Vendor)}; name one of them.") from None


def access_with(vendor: Vendor, address: str, key: Key) -> Access:
    """Raises Denied for a vendor's own server without a key: it is not even asked."""
    if key.source is Source.NONE and origin(address) == origin(TERMS[vendor].own):
        raise Denied(f"{vendor} has no key: {_advice(vendor, address, key)}")
    return Access(address, key.secret, _advice(vendor, address, key))


def _advice(vendor: Vendor, address: str, key: Key) -> str:
    """Where a key is put that this server takes; empty for one that was just given."""
    server = "" if origin(address) == origin(TERMS[vendor].own) else f" --base-url {shlex.quote(address)}"
    keep = f"`session-mgmt-mcp api-key {vendor}{server}`"
    match key.source:
        case Source.NONE:
            variable = variable_of(secret_name(vendor, address))
            return f"run {keep}, or set {variable} for the hub and run `session-mgmt-mcp hub stop`."
        case Source.ENVIRONMENT:
            return f"It is {key.name} of the hub's environment: after a change run `session-mgmt-mcp hub stop`."
        case Source.KEYRING:
            return f"It is {key.name} of the keyring: {keep} keeps another." if key.name else ""
