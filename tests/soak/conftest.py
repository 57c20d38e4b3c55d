"""How long soaks go on, and how often they kill: SOAK_MINUTES, SOAK_KILLS, SOAK_SEED."""

import os
import random
import time
from dataclasses import dataclass

import pytest

from tests.integration.conftest import world

__all__ = ["world"]


@dataclass(frozen=True)
class Budget:
    """A soak ends by itself: after so many kills, or when its time is over."""

    kills: int
    until: float
    seed: int

    @property
    def over(self):
        return time.monotonic() > self.until


@pytest.fixture
def budget():
    minutes = float(os.environ.get("SOAK_MINUTES", "3"))
    seed = int(os.environ.get("SOAK_SEED", random.randrange(1_000_000)))
    print(f"\nSOAK_SEED={seed}")
    return Budget(int(os.environ.get("SOAK_KILLS", "60")), time.monotonic() + 60 * minutes, seed)
