"""SecretStore in the keyring of the operating system: Secret Service, macOS Keychain, Windows Credential Manager."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.secret_store import check_secret, check_secret_name, variable_of

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE = "session-mgmt-mcp"
ANSWER_SECONDS = 5.0  # a locked keyring asks its user, who may not be there
PERSON_SECONDS = 60.0  # somebody who stores a secret is


class KeyringSecretStore:
    """SecretStore by the library `keyring`, imported and asked in a thread of its own: some keyrings block.

    `service`: under which name the keyring shows them. `backend`: one of keyring's; None: what keyring finds here,
    looked for again as long as there is none.
    """

    def __init__(self, service: str = SERVICE, backend: "KeyringBackend | None" = None) -> None:
        self._service = service
        self._backend = backend
        self._waits = False  # an answer is still to come, though nobody may wait for it any more
        self._in_turn = asyncio.Lock()

    async def get(self, name: str) -> str | None:
        check_secret_name(name)
        try:
            return await self._asked(lambda there: there.get_password(self._service, name), ANSWER_SECONDS)
        except _NoAnswer:
            return None

    async def set(self, name: str, secret: str) -> None:
        check_secret_name(name)
        check_secret(name, secret)

        def keep(there: "KeyringBackend") -> None:
            there.set_password(self._service, name, secret)
            if there.get_password(self._service, name) != secret:  # a keyring that is switched off takes everything
                raise _NoAnswer("it keeps nothing")

        await self._changed(name, keep)

    async def delete(self, name: str) -> bool:
        check_secret_name(name)

        def remove(there: "KeyringBackend") -> bool:
            known = there.get_password(self._service, name) is not None
            if known:
                there.delete_password(self._service, name)
            return known

        return await self._changed(name, remove)

    async def _changed(self, name: str, change: "Callable[[KeyringBackend], T]") -> T:
        try:
            return await self._asked(change, PERSON_SECONDS)
        except _NoAnswer as error:
            raise Unavailable(
                f"No keyring keeps {name} on this machine ({error}): set the environment variable "
                f"{variable_of(name)} for the hub instead, and run `session-mgmt-mcp hub stop`.",
                60.0,
            ) from None

    async def _asked(self, question: "Callable[[KeyringBackend], T]", seconds: float) -> T:
        """What the keyring says. Raises _NoAnswer, whose text never holds what was asked or told."""
        async with self._in_turn:
            if self._waits:
                raise _NoAnswer("it still waits for its user")
            loop = asyncio.get_running_loop()
            coming: asyncio.Future[T] = loop.create_future()

            def ask() -> None:
                answer: T | None = None
                problem: _NoAnswer | None = None
                try:
                    answer = question(self._found())
                except _NoAnswer as error:
                    problem = error
                except (
                    Exception
                ) as error:  # backends' own errors have no common base, and may quote what they were told
                    problem = _NoAnswer(type(error).__name__)
                self._waits = False
                with contextlib.suppress(RuntimeError):  # whoever asked is gone, with the loop
                    loop.call_soon_threadsafe(_tell, coming, answer, problem)

            self._waits = True
            threading.Thread(target=ask, name="keyring", daemon=True).start()
            try:
                return await asyncio.wait_for(coming, seconds)
            except TimeoutError:
                raise _NoAnswer(f"it did not answer within {seconds:g} seconds") from None

    def _found(self) -> "KeyringBackend":
        if self._backend is not None:
            return self._backend
        import keyring.backend
        import keyring.core
        from keyring.backends import fail, null

        vars(keyring.backend.get_all_keyring).pop("saved_result", None)  # it remembers for good what it saw first
        keyring.core.init_backend()
        found = keyring.core.get_keyring()
        if isinstance(found, fail.Keyring | null.Keyring):
            raise _NoAnswer("there is none")
        self._backend = found
        return found


class _NoAnswer(Exception):
    """Why the keyring could not be asked, in words without a secret."""


def _tell(coming: "asyncio.Future[Any]", answer: object, problem: _NoAnswer | None) -> None:
    if coming.done():
        return
    if problem is None:
        coming.set_result(answer)
    else:
        coming.set_exception(problem)
