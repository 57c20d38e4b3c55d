"""How long one thread of this process may keep the others waiting."""

import sys

SECONDS = 0.0005


def short_turns() -> None:
    """A search goes through four threads; beside an import each would wait 5 ms for the interpreter, ten times as long."""
    sys.setswitchinterval(SECONDS)
