"""The LLMProvider that tests ask."""

import pytest
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.contracts.llm_provider import TAXONOMY, LLMProviderContract
from session_mgmt_mcp.contracts.llm_vendor import (
    Cuts,
    Fails,
    FailsMidway,
    Failure,
    Garbles,
    Says,
    Scene,
    Stalls,
)
from session_mgmt_mcp.ports.llm_provider import (
    Interrupted,
    Prompt,
    RateLimited,
    Unreachable,
    Usage,
)


class Scripting:
    """Vendor: it hands the scenes to the provider itself."""

    def __init__(self, provider: MemoryLLMProvider) -> None:
        self.provider = provider
        self.keys = [""]

    @property
    def prompts(self) -> list[Prompt]:
        return self.provider.prompts

    def will(self, *scenes: Scene) -> None:
        self.provider.script = [scripted(scene) for scene in scenes]

    def lists(self, *models: str) -> None:
        self.provider.known = models

    async def abandoned(self) -> None:
        await self.provider.left.wait()


def scripted(scene: Scene) -> Scripted:
    match scene:
        case Says():
            usage = Usage(scene.input_tokens, scene.output_tokens) if scene.counted else None
            return Scripted(scene.pieces, usage=usage, stop=scene.stop)
        case Fails(Failure.RATE_LIMITED, after):
            return Scripted((), RateLimited("It has had enough: come again later.", after or 1.0))
        case Fails(failure):
            return Scripted((), TAXONOMY[failure](f"It failed: {failure}."))
        case FailsMidway(failure, pieces):
            return Scripted(pieces, Interrupted("It broke off.") if pieces else TAXONOMY[failure]("It failed."))
        case Stalls(pieces):
            return Scripted(pieces, silent=True)
        case Cuts(pieces):
            return Scripted(pieces, Interrupted("It broke off."))
        case Garbles():
            return Scripted((), Interrupted("It was no answer."))
    raise AssertionError(scene)


class TestMemoryLLMProvider(LLMProviderContract):
    keyed = False

    @pytest.fixture
    def provider(self) -> MemoryLLMProvider:
        return MemoryLLMProvider(models=("scripted-1",))

    @pytest.fixture
    def vendor(self, provider: MemoryLLMProvider) -> Scripting:
        return Scripting(provider)

    @pytest.fixture
    def nowhere(self) -> MemoryLLMProvider:
        return MemoryLLMProvider(Scripted((), Unreachable("Nobody is there.")), models=("scripted-1",))

    test_a_model_that_takes_no_temperature_answers_without = None  # type: ignore[assignment]  # its models take any
