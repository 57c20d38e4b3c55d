"""Where memories are kept when it is LanceDB that keeps them: one's own, and those of a team."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from session_mgmt_mcp import paths
from session_mgmt_mcp.credentials import Credentials, s3_access
from session_mgmt_mcp.ports.errors import Invalid, Unsupported
from session_mgmt_mcp.ports.vector_store import VectorStore
from session_mgmt_mcp.settings import Settings

if TYPE_CHECKING:
    from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore


def own_place(settings: Settings) -> str:
    """A folder or an address, of `vector_store = "lancedb"`.

    >>> own_place(load(lancedb_uri="s3://bucket/memories"))
    's3://bucket/memories'
    """
    return absolute(settings.lancedb_uri, settings) or str(paths.memories(settings.data_dir))


def team_place(settings: Settings) -> str:
    """Empty when what a team shares lies among the own memories."""
    place = absolute(settings.team_store, settings)
    return "" if settings.vector_store == "lancedb" and place == own_place(settings) else place


def absolute(place: str, settings: Settings) -> str:
    """A folder that is no whole path is one of the data directory."""
    return place if not place or "://" in place else str(settings.data_dir / Path(place).expanduser())


def store_at(place: str, settings: Settings, credentials: Credentials) -> "LanceDBVectorStore":
    """Opened with its first use: the product starts while the server is away. Raises Unsupported without the extra."""
    try:
        from session_mgmt_mcp.adapters.lancedb.connection import s3_options
        from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
    except ImportError:
        raise Unsupported(
            "LanceDB needs the extra `lancedb`: run `pip install 'session-mgmt-mcp[lancedb]'`, then try again."
        ) from None

    async def options() -> Mapping[str, str]:
        if "://" not in place:
            return {}
        who = await s3_access(settings, credentials)
        return s3_options(who.endpoint, who.region, who.access_key_id, who.secret_access_key, who.session_token or "")

    return LanceDBVectorStore.later(place, options)


async def own(settings: Settings, credentials: Credentials) -> AsyncIterator[VectorStore]:
    """What is damaged or not reached is said when the product starts."""
    store = store_at(own_place(settings), settings, credentials)
    await store.ready()
    yield store
    await store.close()


async def team(settings: Settings, credentials: Credentials, own: VectorStore) -> AsyncIterator[VectorStore]:
    place = team_place(settings)
    if not place:
        yield own
        return
    store = store_at(place, settings, credentials)
    yield store
    await store.close()


async def verified(folder: str) -> int:
    """Reads every record in it; how many. Raises Corrupt, Unavailable, Unsupported, Invalid."""
    from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore

    store = await LanceDBVectorStore.open(folder)
    try:
        return await store.verify()
    finally:
        await store.close()


async def restored(backup: Path, settings: Settings) -> int:
    """Puts what `backup` holds in the place of the memories in a folder, which stays beside it as `.replaced-<time>`.

    Gives the number of records. Raises NotFound, Invalid, Corrupt for what is no good backup.
    """
    from session_mgmt_mcp.adapters.lancedb import backups

    place = own_place(settings)
    if "://" in place:
        raise Invalid(
            f"{place} is shared: set lancedb_uri to a new prefix, then restore a backup into a folder and migrate it."
        )
    return await backups.restore(backup, Path(place))
