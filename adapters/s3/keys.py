"""Where in a bucket a list of names begins. Keys sort by their bytes, and so do names: S3 lists in the order of the ids."""

from itertools import takewhile

_ALPHABET = "-.0123456789:@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""All that names are made of, in its order."""
_LAST = _ALPHABET[-1] * 200


def just_before(prefix: str) -> str:
    """Sorts before every name that begins with `prefix`, and not before any name that sorts before those.

    >>> just_before("shop:") == "shop9" + "z" * 200
    True
    """
    if not prefix:
        return ""
    at = _ALPHABET.index(prefix[-1])
    return prefix[:-1] + (_ALPHABET[at - 1] + _LAST if at else "")


def leading(text: str) -> str:
    """As much of it as could begin a name: names after `text` come after that, too."""
    return "".join(takewhile(_ALPHABET.__contains__, text))
