"""PackageManager by the managers' own programs: fixed commands, no shell, everything they start ends with them."""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import time
from pathlib import Path

from session_mgmt_mcp.ports.errors import Unavailable, Unsupported
from session_mgmt_mcp.ports.package_manager import Synced

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
KEPT_OUTPUT = 4_000
_NOT_PASSED_ON = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")  # ours, not the project's


class LocalPackageManager:
    """PackageManager."""

    async def sync(self, manager: str, folder: Path, timeout: float = 600.0) -> Synced:
        command = COMMANDS.get(manager)
        if command is None:
            raise Unsupported(f"{manager}: dependencies can be synced by {', '.join(COMMANDS)}.")
        if shutil.which(command[0]) is None:
            raise Unavailable(f"{command[0]} is not installed, or not on the PATH of the hub: install it.", 3_600)
        env = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**env, "SESSION_MGMT_GUARD": "1", "NO_COLOR": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        output = bytearray()
        try:
            async with asyncio.timeout(timeout):
                while chunk := await process.stdout.read(65_536):
                    output = (output + chunk)[-4 * KEPT_OUTPUT :]
                code = await process.wait()
        except TimeoutError:
            raise Unavailable(f"{shlex.join(command)} was not done after {timeout:g} seconds and was ended.") from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # what it left behind ends as well
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        said = output.decode(errors="replace")[-KEPT_OUTPUT:]
        return Synced(shlex.join(command), code == 0, said, time.monotonic() - began)
