"""What a help text of crackerjack offers."""

import re

_OPTIONS = re.compile(r"[ │|]{0,4}((?:-{1,2}[A-Za-z][\w-]*(?:[ ,/]+|$))+)")
_VERSION = re.compile(r"\bv?(\d+(?:\.\d+)+\S*)")


def options_in(text: str) -> frozenset[str]:
    """The options that stand at the beginning of a line; what a description mentions is none.

    >>> sorted(options_in("│ --fast  -f  <bool>  Implies --ai-fix. │"))
    ['--fast', '-f']
    """
    lines = (_OPTIONS.match(line) for line in text.splitlines())
    return frozenset(option for line in lines if line for option in re.split(r"[ ,/]+", line[1]) if option)


def version_in(text: str) -> str:
    """Empty: it says none.

    >>> version_in("Crackerjack v0.74.4")
    '0.74.4'
    """
    found = _VERSION.search(text)
    return found[1] if found else ""
