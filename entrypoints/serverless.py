"""Where serverless sessions and all that is shared are kept: tried, chosen and moved."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from session_mgmt_mcp import recall, settings_file
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.backends import Backend, Backends, configured, where
from session_mgmt_mcp.credentials import Credentials, Secret, kept
from session_mgmt_mcp.domain.documents import every
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.storage_trial import Trial, tried
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Conflict, Invalid, PortError, Unavailable
from session_mgmt_mcp.ports.secret_store import SecretStore
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.settings import Settings, changed, named_in_environment

Choice: TypeAlias = Literal["local", "redis", "s3"]
TRIAL_SECONDS = 30.0
COLLECTIONS = ("serverless", "teams", "teams-of", "ballots", "project-graph")
"""All that is kept in the shared storage."""

_CONNECTION: Mapping[Backend, Sequence[str]] = {
    "local": (),
    "redis": ("redis_url", "redis_namespace"),
    "s3": ("s3_bucket", "s3_prefix", "s3_endpoint", "s3_region"),
    "memory": (),
}
_SECRETS: Mapping[str, Secret] = {secret.replace("-", "_"): secret for secret in Secret}


@dataclass(frozen=True, slots=True)
class Tested:
    """One backend, as it is configured."""

    backend: Backend
    where: str
    in_use: bool
    trial: Trial

    @property
    def milliseconds(self) -> float:
        return sum(self.trial.steps.values())


@dataclass(frozen=True, slots=True)
class Configured:
    """`notes` are sentences that the user should know of."""

    tested: Tested
    before: str  # where the documents were
    switched: bool = False
    stored: Sequence[str] = ()  # names of settings in settings.toml, and of secrets in the keyring
    copied: int = 0
    left: int = 0  # documents in the old place
    notes: Sequence[str] = field(default_factory=tuple)


async def project(app: Application, named: str | None) -> str:
    """Any name will do; without one, the caller's own."""
    return named if named and named != "*" else await recall.caller_project(app)


async def test(app: Application) -> list[Tested]:
    """Each backend that anybody has configured, the one in use first."""
    chosen = app.shared_storage.settings
    known = [backend for backend in get_args(Backend) if configured(chosen, backend)]
    tested = await asyncio.gather(*(_tested(app, backend, chosen, app.backends) for backend in known))
    return sorted(tested, key=lambda one: not one.in_use)


async def configure(
    app: Application, backend: Choice, updates: Mapping[str, str], copy: bool, confirm: bool
) -> Configured:
    """Tries the new place; with `confirm` keeps its settings and secrets, and goes over to it, documents too with `copy`.

    A place that fails its trial, or documents that cannot be copied, leave everything as it was. Raises Invalid, Unavailable.
    """
    plain, hidden = _sorted_out(backend, updates)
    before = app.shared_storage.settings
    decided = named_in_environment()
    wanted = {**plain, "shared_storage": backend}
    new = changed(before, wanted)
    running = changed(
        before, {name: value for name, value in wanted.items() if name not in decided - {"shared_storage"}}
    )
    ring = app.backends.credentials.keyring
    trying = Backends(app.backends.clock, Credentials(_Preferred(hidden, ring), app.backends.credentials.environment))
    tested = await _tested(app, backend, running, trying)
    old, there = _place(before), _place(running)
    report = Configured(tested, old, left=await _count(app.shared_storage) if old != there else 0)
    notes = _notes(app, wanted, hidden, decided, new)
    if not tested.trial.passed or not confirm:
        return Configured(tested, old, left=report.left, notes=notes)
    async with kept(ring, hidden):
        storage = app.backends.storage(backend, "shared", running)
        async with app.shared_storage.exchanging(storage, running) as leaving:
            copied = await _copied(leaving, storage) if copy and old != there else 0
            await asyncio.to_thread(settings_file.write, wanted)
    return Configured(tested, old, True, [*wanted, *hidden], copied, report.left, notes)


def _sorted_out(backend: Choice, updates: Mapping[str, str]) -> tuple[dict[str, str], dict[Secret, str]]:
    """Settings and secrets. Raises Invalid for what belongs to another backend, or to none; no value is told."""
    taken = [*_CONNECTION[backend], *(name for name in _SECRETS if name.startswith(f"{backend}_"))]
    for name in updates:
        if name not in taken:
            known = f"takes {', '.join(taken)}" if taken else "takes none"
            raise Invalid(f"config_updates: {redact(name).text[:40]!r} is no setting of {backend}, which {known}.")
    plain = {name: value for name, value in updates.items() if name not in _SECRETS}
    return plain, {_SECRETS[name]: value for name, value in updates.items() if name in _SECRETS}


async def _tested(app: Application, backend: Backend, settings: Settings, backends: Backends) -> Tested:
    chosen = app.shared_storage.settings
    place, in_use = where(backend, "shared", settings), _place(chosen) == where(backend, "shared", settings)
    id = f"probe-{secrets.token_hex(8)}"
    if backend == "memory":
        return Tested(backend, place, in_use, await tried(app.shared_storage, backends.clock, id))
    storage = backends.storage(backend, "shared", settings, watched=False)
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            return Tested(backend, place, in_use, await tried(storage, backends.clock, id))
    except TimeoutError:
        problem = f"{place} took longer than {TRIAL_SECONDS:g} seconds: see whether it is there, and how far away."
        return Tested(backend, place, in_use, Trial({}, problem))
    finally:
        await storage.close()


def _place(settings: Settings) -> str:
    return where(settings.shared_storage, "shared", settings)


def _notes(
    app: Application, wanted: Mapping[str, str], hidden: Mapping[Secret, str], decided: set[str], new: Settings
) -> list[str]:
    over = [f"SESSION_MGMT_{name.upper()}" for name in wanted if name in decided]
    over += [secret.variable for secret in hidden if app.backends.credentials.in_environment(secret)]
    notes = [
        f"{name} in the environment of the hub wins over what is kept: take it away there, or set it to the same."
        for name in over
    ]
    moved = [name for name in _CONNECTION[new.shared_storage] if getattr(new, name) != getattr(app.settings, name)]
    if moved and app.settings.session_storage == new.shared_storage:
        notes.append(
            f"Your own sessions are kept by {new.shared_storage}, too: from the next start of the hub on they are "
            f"looked for where {' and '.join(moved)} now say."
        )
    if (
        any(name in moved for name in _CONNECTION["s3"])
        and "s3://" in f"{app.settings.lancedb_uri} {app.settings.team_store}"
    ):
        notes.append("Memories on S3 are looked for with these settings, too, from the next start of the hub on.")
    return notes


async def _count(storage: SessionStorage) -> int:
    """0 where nobody can be asked."""
    try:
        return sum([1 for name in COLLECTIONS async for _ in every(storage, name)])
    except PortError:
        return 0


async def _copied(old: SessionStorage, new: SessionStorage) -> int:
    """How many documents of the old place are in the new one now; what was there already stays. Raises Unavailable."""
    count = 0
    for name in COLLECTIONS:
        ids = set()
        async for document in every(old, name):
            ids.add(document.id)
            try:
                await new.put(name, document.id, document.body, expected_version=0, expires=document.expires)
            except Conflict:
                continue
        arrived = {document.id async for document in every(new, name)}
        if missing := ids - arrived:
            again = {id for id in missing if await old.get(name, id) is not None}  # others have expired meanwhile
            if again:
                raise Unavailable(
                    f"{counted(len(again), 'document')} of {name} did not arrive: nothing was switched, try again."
                )
        count += len(ids & arrived)
    return count


class _Preferred:
    """SecretStore: those that are to be kept, else those that are."""

    def __init__(self, hidden: Mapping[Secret, str], ring: SecretStore) -> None:
        self._hidden = {str(secret): value for secret, value in hidden.items()}
        self._ring = ring

    async def get(self, name: str) -> str | None:
        return self._hidden.get(name) or await self._ring.get(name)

    async def set(self, name: str, secret: str) -> None:
        await self._ring.set(name, secret)

    async def delete(self, name: str) -> bool:
        return await self._ring.delete(name)
