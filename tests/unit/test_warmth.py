"""What a hub's start leaves behind."""

import gc
import weakref

from session_mgmt_mcp.warmth import let_go


class Knot:
    """Garbage that only a collection finds."""

    def __init__(self):
        self.itself = self


def test_garbage_that_was_frozen_is_let_go():
    knot = Knot()
    gone = weakref.ref(knot)
    gc.freeze()
    del knot
    gc.collect()
    assert gone() is not None, "frozen, it is looked at no more"
    let_go()
    assert gone() is None
    assert gc.get_freeze_count() > 1_000, "what stays is not looked through again"
    gc.unfreeze()
