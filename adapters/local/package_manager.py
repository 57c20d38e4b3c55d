"""PackageManager by the managers' own programs: fixed commands, no shell, everything they start ends with them."""

import shlex
from pathlib import Path

from session_mgmt_mcp.ports.errors import NotFound, Unavailable, Unsupported
from session_mgmt_mcp.ports.package_manager import Synced
from session_mgmt_mcp.ports.process_runner import Cause, ProcessRunner

COMMANDS = {
    "uv": ("uv", "sync", "--frozen"),
    "poetry": ("poetry", "install", "--no-interaction"),
    "npm": ("npm", "ci", "--no-fund", "--no-audit"),
    "pnpm": ("pnpm", "install", "--frozen-lockfile"),
    "yarn": ("yarn", "install", "--immutable"),
    "cargo": ("cargo", "fetch", "--locked"),
    "go": ("go", "mod", "download"),
    "bundler": ("bundle", "install"),
}
INHERIT = (
    "*_PROXY", "*_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSH_AUTH_SOCK", "GIT_SSH*", "CI",
    "UV_*", "PIP_*", "PYENV_*", "POETRY_*",
    "NPM_*", "npm_config_*", "NODE_AUTH_TOKEN", "NODE_OPTIONS", "NVM_*", "VOLTA_*", "COREPACK_*", "PNPM_*", "YARN_*",
    "CARGO_*", "RUSTUP_*",
    "GOPATH", "GOROOT", "GOENV", "GOBIN", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOTOOLCHAIN",
    "GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH",
    "BUNDLE_*", "GEM_*", "RBENV_*",
)  # fmt: skip
"""What the managers are set up by, the keys of private registries among it: the `processes` given are to inherit this."""

KEPT_OUTPUT = 4_000


class LocalPackageManager:
    """PackageManager."""

    def __init__(self, processes: ProcessRunner) -> None:
        self._processes = processes

    async def sync(self, manager: str, folder: Path, timeout: float = 600.0) -> Synced:
        command = COMMANDS.get(manager)
        if command is None:
            raise Unsupported(f"{manager}: dependencies can be synced by {', '.join(COMMANDS)}.")
        said = ""

        async def keep(text: str) -> None:
            nonlocal said
            said = (said + text)[-KEPT_OUTPUT:]

        try:
            ended = await self._processes.run(command, folder, timeout=timeout, printed=keep)
        except NotFound:
            raise Unavailable(
                f"{command[0]} is not installed, or not on the PATH of the hub: install it.", 3_600
            ) from None
        if ended.cause is Cause.TIMED_OUT:
            raise Unavailable(f"{shlex.join(command)} was not done after {timeout:g} seconds and was ended.")
        return Synced(shlex.join(command), (ended.cause, ended.code) == (Cause.EXITED, 0), said, ended.seconds)
