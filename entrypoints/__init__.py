"""A local memory for Claude Code.

>>> from session_mgmt_mcp import Memory
>>> with Memory(directory) as memory:
...     memory.store("The cache must be reset after a schema change.", tags=["cache"])
...     memory.search("when do I clear the cache?")[0].snippet
"""

TYPE_CHECKING = False  # typing costs 10 ms, a third of what the shim may take
if TYPE_CHECKING:
    from session_mgmt_mcp.library import AsyncMemory, Memory

__all__ = ["AsyncMemory", "Memory"]


def __getattr__(name: str) -> object:
    # Lazy, because the shim and the hooks import this package and must stay on the standard library.
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("session_mgmt_mcp.library"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
