"""The variables that a program gets: few, and none that holds a key."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

USUAL = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR",
    "XDG_*_HOME", "XDG_*_DIRS", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
NEVER = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
"""They are ours, and would make a project's Python see our packages."""

FIXED = {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def reduced(environment: Mapping[str, str], inherit: Sequence[str]) -> dict[str, str]:
    """The usual ones and those that `inherit` names; a name may hold `*`.

    >>> reduced({"PATH": "/bin", "GITHUB_TOKEN": "x", "GOPATH": "/go"}, ["GO*"])
    {'NO_COLOR': '1', 'PYTHONUNBUFFERED': '1', 'PATH': '/bin', 'GOPATH': '/go'}
    """
    wanted = (*USUAL, *inherit)
    kept = {name: environment[name] for name in environment if any(fnmatchcase(name, one) for one in wanted)}
    return FIXED | {name: value for name, value in kept.items() if name not in NEVER}
