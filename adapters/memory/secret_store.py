"""SecretStore in this process, for tests."""

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.secret_store import check_secret, check_secret_name, variable_of


class MemorySecretStore:
    """SecretStore. `there` False: a machine without a keyring."""

    def __init__(self, there: bool = True) -> None:
        self.there = there
        self._secrets: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        check_secret_name(name)
        return self._secrets.get(name) if self.there else None

    async def set(self, name: str, secret: str) -> None:
        check_secret_name(name)
        check_secret(name, secret)
        self._reached(name)
        self._secrets[name] = secret

    async def delete(self, name: str) -> bool:
        check_secret_name(name)
        self._reached(name)
        return self._secrets.pop(name, None) is not None

    def _reached(self, name: str) -> None:
        if not self.there:
            raise Unavailable(
                f"No keyring keeps {name} here: set the environment variable {variable_of(name)} instead.", 60.0
            )
