"""A bucket: objects read whole, written on a condition, listed by name."""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore import exceptions as failures
from obstore.store import S3Store
from session_mgmt_mcp.adapters.retrying import Patience, repeated
from session_mgmt_mcp.ports.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig

T = TypeVar("T")

AT_ONCE = 16
MOST_NAMES = 1_000
"""S3 gives no more at a time."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"([A-Za-z0-9_@-][A-Za-z0-9_.@-]*/)*")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_STATUS = re.compile(r"status code: (\d{3})")
_REFUSED = (failures.PermissionDeniedError, failures.UnauthenticatedError)
_OTHERWISE = (failures.PreconditionError, failures.AlreadyExistsError, FileNotFoundError)
_AGAIN = {408, 409, 425, 429}  # and all from 500


class Put(Enum):
    STORED = "stored"
    REFUSED = "another object lies there"
    DOUBTFUL = "another object lies there, and it may be that of an attempt whose answer was lost"


class Bucket:
    """Objects below a prefix. Its calls raise Unavailable, after a few attempts; each of them is safe to repeat."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        endpoint: str | None,
        region: str | None,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None,
        patience: Patience,
    ) -> None:
        prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        for what, given, wanted in (
            ("s3_bucket", _BUCKET.fullmatch(bucket), "the name of a bucket, such as team-memory"),
            ("s3_prefix", _PREFIX.fullmatch(prefix), "folders of letters, digits or -_.@, such as team/memory"),
            ("s3_region", _REGION.fullmatch(region or "us-east-1"), "a region, such as eu-central-1"),
            ("the access key", access_key_id and secret_access_key, "an id and a secret"),
        ):
            if not given:
                raise Invalid(f"{what}: give {wanted}.")
        region = region or "us-east-1"
        address = _address(endpoint or f"https://s3.{region}.amazonaws.com")
        self._prefix = prefix
        self._patience = patience
        self._where = f"The bucket {bucket} at {address}"
        self._shown = f"s3://{bucket}/{prefix}"
        self._deletes: bool | None = None
        # obstore takes from the environment whatever is not said here
        self._options: dict[str, Any] = {
            "bucket": bucket,
            "endpoint": address,
            "aws_endpoint_url_s3": address,
            "region": region,
            "credential_provider": lambda: {
                "access_key_id": access_key_id,
                "secret_access_key": secret_access_key,
                "token": session_token,
                "expires_at": None,
            },
            "skip_signature": False,
            "unsigned_payload": False,
            "virtual_hosted_style_request": False,
            "s3_express": False,
            "request_payer": False,
            "conditional_put": "etag",
            "disable_bulk_delete": True,
            "retry_config": {"max_retries": 0},
        }
        self._client_options: ClientConfig = {
            "allow_http": address.startswith("http://"),
            "allow_invalid_certificates": False,
            "timeout": f"{patience.each}s",
            "connect_timeout": f"{patience.each}s",
        }
        self._store = S3Store(**self._options, client_options=self._client_options)
        # obstore's own async calls end in threads that are not Python's: a process that exits just then is aborted
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="objects")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def shown(self, key: str) -> str:
        return self._shown + key

    async def get(self, key: str, most: int) -> tuple[bytes | None, str] | None:
        """The object and its ETag; None when there is none; of more than `most` bytes only the ETag."""

        def get() -> tuple[bytes | None, str]:
            found = obstore.get(self._store, self._prefix + key)
            data = bytes(found.bytes()) if found.meta["size"] <= most else None
            return data, found.meta["e_tag"] or ""

        try:
            return await self._run(get, FileNotFoundError)
        except FileNotFoundError:
            return None

    async def written(self, key: str) -> datetime | None:
        """When, by the server's clock; None when there is none."""
        try:
            return await self._run(
                lambda: obstore.head(self._store, self._prefix + key)["last_modified"], FileNotFoundError
            )
        except FileNotFoundError:
            return None

    async def put(self, key: str, data: bytes, etag: str | None) -> tuple[Put, str | None]:
        """Writes it in the place of the object with that ETag, or, without one, where none is. Gives the new ETag."""
        tried = 0

        def put() -> str | None:
            nonlocal tried
            tried += 1
            mode: Any = "create" if etag is None else {"e_tag": etag}
            done = obstore.put(self._store, self._prefix + key, data, mode=mode, use_multipart=False)
            return done["e_tag"]

        try:
            return Put.STORED, await self._run(put, *_OTHERWISE)
        except _OTHERWISE:
            return Put.REFUSED if tried == 1 else Put.DOUBTFUL, None

    async def copy(self, key: str, to: str) -> None:
        await self._run(lambda: obstore.copy(self._store, self._prefix + key, self._prefix + to))

    async def names(self, folder: str, after: str) -> tuple[Sequence[str], str | None]:
        """What comes next in a folder, in its order, and after which name to go on; None: that was all."""
        start = f"{self._prefix}{folder}/"

        def names() -> Sequence[str]:
            pages = obstore.list(self._store, start, offset=start + after if after else None, chunk_size=MOST_NAMES)
            return [found["path"].removeprefix(start) for found in next(iter(pages), ())]

        found = await self._run(names)
        return found, found[-1] if len(found) == MOST_NAMES else None

    async def delete(self, key: str, etag: str) -> bool:
        """Takes the object with that ETag away; False when there is another one by now, or it cannot be done safely."""
        if self._deletes is None:
            self._deletes = await self._deletes_on_condition()
        return self._deletes and await self._delete(key, etag)

    async def _deletes_on_condition(self) -> bool:
        """Tried on an object of our own: a server that does not know the condition would delete regardless."""
        key = f".tried/{secrets.token_hex(8)}"
        await self.put(key, b"", None)
        if await self._delete(key, '"another"') or (there := await self.get(key, 0)) is None:
            return False
        return await self._delete(key, there[1])

    async def _delete(self, key: str, etag: str) -> bool:
        on_condition: ClientConfig = {
            **self._client_options,
            "default_headers": {"If-Match": etag},
        }  # obstore's delete has none
        try:
            store = S3Store(**self._options, client_options=on_condition)
            await self._run(lambda: obstore.delete(store, self._prefix + key), *_OTHERWISE)
        except _OTHERWISE:
            return False
        return True

    async def _run(self, call: Callable[[], T], *expected: type[Exception]) -> T:
        """Raises what is expected, and else Unavailable, with nothing in it of what was sent."""
        loop = asyncio.get_running_loop()
        try:
            return await repeated(lambda: loop.run_in_executor(self._threads, call), _passes, self._patience)
        except (failures.BaseError, FileNotFoundError, TimeoutError) as error:
            if "NoSuchBucket" in str(error):
                said = "does not exist: create it, or name another one"
            elif isinstance(error, expected):
                raise
            elif isinstance(error, _REFUSED):
                said = "refuses these keys: give others, or allow them what they need"
            else:
                answer = f"answers {status}" if (status := _status(error)) else "does not answer"
                said = f"{answer}: see whether the server runs, or try later"
        raise Unavailable(f"{self._where} {said}.")


def _address(endpoint: str) -> str:
    """Raises Invalid, without what was given: there may be a password in it."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise Invalid("s3_endpoint: give https://HOST or http://HOST:PORT.") from None
    if parts.username is not None or parts.password is not None:
        raise Invalid("s3_endpoint: leave the user and password out of it; the keys are given by themselves.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Invalid("s3_endpoint: give https://HOST or http://HOST:PORT.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _passes(error: BaseException) -> bool:
    status = _status(error)
    return isinstance(error, failures.GenericError) and (status is None or status >= 500 or status in _AGAIN)


def _status(error: BaseException) -> int | None:
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None
