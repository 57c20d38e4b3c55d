"""Targets by name, their kept inputs, and inputs put together from their ingredients."""

import importlib
import random
from pathlib import Path
from types import ModuleType

from hypothesis import strategies as st

HERE = Path(__file__).parent
TARGETS = tuple(sorted(path.stem for path in (HERE / "targets").glob("*.py") if path.stem != "__init__"))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"tests.fuzz.targets.{name}")


def seeds(name: str) -> list[Path]:
    """What was kept: beginnings for a fuzzer, and every input that ever broke something."""
    return sorted((HERE / "seeds" / name).glob("*"))


def made_of(ingredients: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Ingredients and noise in a row, or noise alone: a first byte or two choose what is asked."""
    piece = st.sampled_from(ingredients) | st.binary(max_size=4)
    mixed = st.tuples(st.binary(max_size=3), st.lists(piece, max_size=30)).map(
        lambda parts: parts[0] + b"".join(parts[1])
    )
    return mixed | st.binary(max_size=200)


def composed(ingredients: tuple[bytes, ...], count: int, seed: int) -> list[bytes]:
    """The same without Hypothesis, for a fuzzer's first corpus."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        pieces = [chance.choice(ingredients) for _ in range(chance.randrange(1, 16))] if ingredients else []
        found.append(chance.randbytes(chance.randrange(3)) + b"".join(pieces) + chance.randbytes(chance.randrange(40)))
    return found
