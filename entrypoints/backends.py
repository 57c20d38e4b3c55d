"""Which storage keeps documents, and where in it: one's own and the shared ones never lie in the same place."""

import getpass
import re
from typing import Literal, TypeAlias

from session_mgmt_mcp import paths
from session_mgmt_mcp.credentials import Credentials, Secret, s3_access
from session_mgmt_mcp.deferred import DeferredStorage, Opened
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Invalid, Unsupported
from session_mgmt_mcp.settings import Settings

Backend: TypeAlias = Literal["local", "redis", "s3", "memory"]
Space: TypeAlias = Literal["own", "shared"]
REMOTE: tuple[Backend, ...] = ("redis", "s3")

_PLAIN = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,63}")


class Backends:
    """Storages by name, as the settings say; each is opened with its first use."""

    def __init__(self, clock: Clock, credentials: Credentials) -> None:
        self.clock = clock
        self.credentials = credentials

    def storage(self, backend: Backend, space: Space, settings: Settings, watched: bool = True) -> DeferredStorage:
        """Nothing is opened yet, so nothing can fail. `watched`: see DeferredStorage."""

        async def opened() -> Opened:
            match backend:
                case "local":
                    return self._local(space, settings)
                case "redis":
                    return await self._redis(space, settings)
                case "s3":
                    return await self._s3(space, settings)
                case "memory":
                    return self._memory()

        return DeferredStorage(opened, watched and backend in REMOTE)  # a full disk can still be read

    def _local(self, space: Space, settings: Settings) -> Opened:
        from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage

        folder = paths.documents if space == "own" else paths.shared
        storage = LocalSessionStorage(folder(settings.data_dir), self.clock.now)
        return Opened(storage, storage.close)

    def _memory(self) -> Opened:
        from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage

        return Opened(MemorySessionStorage(self.clock.now), _nothing)

    async def _redis(self, space: Space, settings: Settings) -> Opened:
        try:
            from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage
        except ImportError:
            raise _missing("Redis", "redis") from None
        password = await self.credentials.get(Secret.REDIS_PASSWORD)
        storage = RedisSessionStorage(
            settings.redis_url,
            namespace=":".join((settings.redis_namespace, *place(space, settings))),
            password=password,
            now=self.clock.now,
        )
        return Opened(storage, storage.close)

    async def _s3(self, space: Space, settings: Settings) -> Opened:
        if not settings.s3_bucket:
            raise Invalid("The S3 storage needs the name of a bucket: set s3_bucket.")
        try:
            from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage
        except ImportError:
            raise _missing("S3", "s3") from None
        access = await s3_access(settings, self.credentials)
        storage = S3SessionStorage(
            settings.s3_bucket,
            prefix="/".join(part for part in (settings.s3_prefix, *place(space, settings)) if part),
            endpoint=access.endpoint or None,
            region=access.region,
            access_key_id=access.access_key_id,
            secret_access_key=access.secret_access_key,
            session_token=access.session_token,
            now=self.clock.now,
        )
        return Opened(storage, storage.close)


def place(space: Space, settings: Settings) -> tuple[str, ...]:
    """Parts of a key: what is a person's own lies apart from what others of the same server own.

    >>> place("own", load(user_id="ann"))
    ('own', 'ann')
    """
    if space == "shared":
        return ("shared",)
    user = settings.user_id or getpass.getuser()
    return "own", user if _PLAIN.fullmatch(user) else opaque_id(user)


def where(backend: Backend, space: Space, settings: Settings) -> str:
    """In words, without a secret.

    >>> where("redis", "shared", load())
    'redis://127.0.0.1:6379/0, namespace session-mgmt:shared'
    """
    match backend:
        case "local":
            return str((paths.documents if space == "own" else paths.shared)(settings.data_dir))
        case "redis":
            return f"{settings.redis_url}, namespace {':'.join((settings.redis_namespace, *place(space, settings)))}"
        case "s3":
            parts = (settings.s3_bucket or "?", settings.s3_prefix, *place(space, settings))
            server = f" at {settings.s3_endpoint}" if settings.s3_endpoint else ""
            return f"s3://{'/'.join(part for part in parts if part)}{server}"
        case "memory":
            return "this process, with which they end"


def configured(settings: Settings, backend: Backend) -> bool:
    """Whether anybody has said where it is, or that it is to be used."""
    if backend in (settings.session_storage, settings.shared_storage):
        return True
    match backend:
        case "local":
            return True
        case "redis":
            return "redis_url" in settings.model_fields_set
        case "s3":
            return bool(settings.s3_bucket)
        case "memory":
            return False


def _missing(what: str, extra: str) -> Unsupported:
    return Unsupported(
        f"{what} needs the extra `{extra}`: run `pip install 'session-mgmt-mcp[{extra}]'`, then try again."
    )


async def _nothing() -> None:
    pass
