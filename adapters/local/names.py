"""The file name of a document, so that no two ids share one, on file systems that ignore case as well."""

import re

SUFFIX = ".jsonl"
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_FILE = re.compile(r"([a-z0-9_=@-][a-z0-9_.=@-]{0,199})(?:~([0-9a-v]{1,40}))?")


def file_stem(name: str) -> str:
    """Small letters, and after a tilde which of them were capitals, five a digit. At most 241 characters for 200.

    >>> file_stem("shop:Main")
    'shop=main~01'
    """
    if name.islower():
        return name.replace(":", "=")
    capitals = [
        sum(letter.isupper() << n for n, letter in enumerate(name[at : at + 5])) for at in range(0, len(name), 5)
    ]
    marks = "".join(_DIGITS[five] for five in capitals).rstrip("0")
    return name.lower().replace(":", "=") + (f"~{marks}" if marks else "")


def beginning(prefix: str) -> str:
    """What the stem of every name begins with that begins with `prefix`."""
    return prefix.lower().replace(":", "=")


def name_of(stem: str) -> str | None:
    """What `file_stem` was given; None for a file that is none of ours."""
    found = _FILE.fullmatch(stem)
    if found is None:
        return None
    letters, marks = found[1].replace("=", ":"), found[2]
    if marks is None:
        return letters
    capitals = (_DIGITS.index(mark) >> n & 1 for mark in marks for n in range(5))
    raised = [letter.upper() if capital else letter for letter, capital in zip(letters, capitals, strict=False)]
    name = "".join(raised) + letters[len(raised) :]
    return name if file_stem(name) == stem else None
