"""How many tokens a model will read in a text, counted on the safe side."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# What often follows each letter a, b, c ... in English words and names in code: tokens rarely end between those two.
_FOLLOWERS = (
    "tnlcgsrdiumbpv erlauoy olhtmarkecui eiaodsl nsrtdcvmglaxewfpi iouamlrfe eoisyr eoaiu notrlsfdpmcegvxa se spei "
    "ielaoydsutc eidampot tgdsecioauvf nmrukdowiclsftpgv atloreduph u eaiorunstymkcgf tesihcuaofkp eihraoustcpyldf "
    "nsrtplebcdaim eai ihoare it op z"
)
# Marks that often stand together in JSON and code.
_JOINED_MARKS = '": :" ", ," "} }, ,{ {" ": [{ [" "] // -- == -> () ), ); ). .. ** ## __ `` :// \\" \\n'
_LOWER, _UPPER, _DIGITS = np.arange(97, 123), np.arange(65, 91), np.arange(48, 58)
_MARKS = np.array([code for code in range(33, 127) if not chr(code).isalnum()])
_WITHIN = np.arange(0x80, 0xC0)  # UTF-8: any byte of a character but its first
# UTF-8: of a character that begins with these bytes, how many tokens it is, beside the one that ends with it.
_CHARACTERS: Sequence[tuple[Sequence[int], float]] = (
    (range(0xC0, 0xE0), 1.1), ((0xC3, 0xD0, 0xD1), 0.1), ((0xE0,), 1.2), ((0xE1, 0xE2, 0xEE, 0xEF), 2.1),
    ((0xE3,), 0.8), (range(0xE4, 0xEA), 1.6), (range(0xEA, 0xEE), 2.0), (range(0xF0, 0xF8), 3.0),
)  # fmt: skip


def tokens(text: str) -> int:
    """Estimated tokens of `text`, at least 1: rather too many than too few, whatever the text is made of.

    A token is thought to end between two bytes as often as real tokenizers end one there; the sum over all pairs is the
    estimate. Measured against three of them in tests/integration/test_tokens.py.

    >>> tokens("Reset the cache after a schema change."), tokens("b1946ac92492d2347c6235b4d2611184")
    (13, 22)
    """
    raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8).astype(np.intp)
    return int(np.ceil(1 + _ends()[raw[:-1] << 8 | raw[1:]].sum(dtype=np.float64)))


@lru_cache(maxsize=1)
def _ends() -> NDArray[np.float32]:
    """How likely a token ends between two bytes, at 256 * first + second."""
    ends = np.ones((256, 256), np.float32)
    ends[np.ix_(_LOWER, _LOWER)] = 0.85
    for first, followers in zip(_LOWER, _FOLLOWERS.split(), strict=True):
        ends[first, [ord(letter) for letter in followers]] = 0.12
    letters = ends[np.ix_(_LOWER, _LOWER)]
    ends[np.ix_(_UPPER, _LOWER)] = letters
    ends[np.ix_(_UPPER, _UPPER)] = np.maximum(letters, 0.3)
    ends[np.ix_(_DIGITS, _DIGITS)] = 0.48
    ends[np.ix_(_MARKS, _MARKS)] = 0.78
    for joined in _JOINED_MARKS.split():
        for mark, after in pairwise(joined):
            ends[ord(mark), ord(after)] = 0.15
    ends[:, _WITHIN] = 0
    for leads, count in _CHARACTERS:
        ends[np.ix_(np.array(leads), _WITHIN)] = count
    ends[0xE2, 0x80] = 0.2  # dashes, quotation marks, the ellipsis
    ends[0xF0, 0x9F] = 2.2  # most emoji
    space = ord(" ")
    ends[space, :] = 0
    ends[space, _DIGITS] = 1
    ends[space, space] = 0.3
    ends[space, 0x80:] = 0.2
    return ends.ravel()
