"""Words for times, as they are typed, brought to one spelling."""

import re

_TYPESET = {0x2019: "'", 0x2013: "-", 0x2014: "-"}  # what editors make of an apostrophe and a hyphen
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_HALF = re.compile(
    r"\b(a|an|one|two|three|four|five|six|\d+)( hours?| days?| weeks?)? and a half( hours?| days?| weeks?)?\b"
)
_NUMBER = {"a": "1", "an": "1"} | {word: str(at) for at, word in enumerate(_ONES.split("|"), 1)}


def plain(text: str) -> str:
    """Lower case, single spaces, no punctuation around it; halves and compound numbers in digits.

    >>> plain("  In an hour and a HALF! "), plain("twenty-five minutes")
    ('in 1.5 hours', '25 minutes')
    """
    flat = " ".join(text.casefold().translate(_TYPESET).split())
    flat = flat.strip(" .,;:!?\"'")
    flat = re.sub(r"\b([ap])\. ?m\b\.?", r"\1m", flat)
    flat = re.sub(rf"\b({'|'.join(_TENS)})[ -]({_ONES})\b", lambda m: str(_TENS[m[1]] + int(_NUMBER[m[2]])), flat)
    flat = re.sub(r"\b(?:a )?quarter of an hour\b", "15 minutes", flat)
    flat = re.sub(r"\bthree quarters of an hour\b", "45 minutes", flat)
    flat = re.sub(r"\bhalf (?:an )?hour\b", "30 minutes", flat)
    flat = re.sub(r"\bhalf (?:a )?day\b", "12 hours", flat)
    flat = re.sub(r"\bhalf (?:a )?year\b", "6 months", flat)
    flat = _HALF.sub(_halved, flat)
    return re.sub(r"\b(?:a )?(couple|few|several|dozen) (?:of )?(?=\w)", r"\1 ", flat)


def _halved(match: re.Match[str]) -> str:
    unit = match[2] or match[3]
    if not unit or (match[2] and match[3]):
        return match[0]
    return f"{_NUMBER.get(match[1], match[1])}.5{unit if unit.endswith('s') else unit + 's'}"
