"""Writing into the user's settings.toml: what else stands there, comments included, stays as it is."""

import contextlib
import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.settings import user_file

_in_turn = threading.Lock()


def write(values: Mapping[str, str]) -> Path:
    """Sets top-level names; the file, for its owner only, is made or replaced whole. Raises Invalid, Unavailable."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    with _in_turn:
        file = Path(os.path.realpath(user_file()))  # it may be a link into somebody's dotfiles
        try:
            document = tomlkit.parse(file.read_text() if file.exists() else "")
        except (TOMLKitError, UnicodeDecodeError) as error:
            raise Invalid(f"{file} is not valid TOML ({error}): mend or remove it.") from None
        except OSError as error:
            raise Unavailable(f"{file} cannot be read ({error.strerror}): mend that and try again.") from error
        for name, value in values.items():
            document[name] = value
        try:
            _replace(file, tomlkit.dumps(document))
        except OSError as error:
            raise Unavailable(f"{file} cannot be written ({error.strerror}): mend that and try again.") from error
    return file


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
