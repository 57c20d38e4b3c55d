"""Secrets that are known by what they are called: `DB_PASSWORD=...`, `"apiKey": "..."`, `--token ...`."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from session_mgmt_mcp.domain import secret_values as looks
from session_mgmt_mcp.domain.secret_tokens import Span

CORES = ("pass", "pwd", "secret", "token", "key", "auth", "cred", "sess", "cookie")
"""A name that holds a secret has one of these in it; in lower case."""

_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$:-"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATOR = re.compile(
    r"""(?P<tail>[\w.-]{0,60}+)(?P<close>\\{0,3}["'`])?\]?\)?[ \t]{0,20}+
    (?: (?P<assign>:=|\?=|=>|=(?![=~>]))
      | (?P<annotated>:[ \t]*[&\w.\[\]|<>*?, ]{1,40}?=(?![=>]))
      | (?P<value>,?\s{0,40}(?:-[ ])?\\{0,3}["']?[vV]alue\\{0,3}["']?[ \t]{0,8}[:=])
      | (?P<argument>,(?=[ \t]{0,8}["']))
      | (?P<colon>:(?![:=/]))
      | (?P<prose>(?:is|was|to)(?:[ ](?:now|currently|set[ ]to))?:?(?=[ \t]))
      | (?P<element>>(?=[^<>\n]{4,400}</))
    )[ \t]{0,20}(?:[bfrBFR@$](?=\\{0,3}["'`]))?""",
    re.VERBOSE,
)
_FLAG_END = re.compile(r"(?P<tail>[\w.-]{0,60}+)(?P<close>\Z)?(?P<blank>[ \t]{1,4})")
_QUOTE = re.compile(r"\\{0,3}(?:\"\"\"|'''|[\"'`])")
_RUN = re.compile(r"[^\s\"'`<>]+")
_SHORT_RUN = re.compile(r"[^\s\"'`<>,;&)}\]|\\]+")
_LINE_START = re.compile(r"(?:^|\n|\\n)[ \t>+|$#-]*(?:(?:export|set|setx|ENV|ARG|declare -x|local|-e|--env)[ \t]+)?\Z")
_REST_OF_LINE = re.compile(r"[ \t]{0,40}(?:#|//|\r?(?:\n|\\n|\\r|\Z))")
_MORE_FLAGS = re.compile(r"[ \t]+(?:-|\\|<|\||&&|;)|[ \t]*(?:\n|\Z)")
_AWS_SECRET = re.compile(r"[A-Za-z0-9/+]{40}")
_LONGEST_VALUE = 4_096
_LONGER_THAN_A_WORD = 16  # letters: "the secret: undisclosed" tells none


class Sort(Enum):
    PASSWORD = auto()  # short and human
    SECRET = auto()
    TOKEN = auto()  # made by a machine
    KEY = auto()
    SESSION = auto()


class Value(NamedTuple):
    start: int
    end: int
    text: str
    quoted: bool
    literal: bool  # stands where code cannot: an environment file, a flag, a query string, a connection string
    whole_line: bool  # its name begins the line, and nothing else follows
    last: bool = False  # nothing else follows on its line


_NOT_SECRET_AFTER = looks.listed(
    "source sources method mode plugin backend domain user username bytes file files path dir directory id ids name names hash hashes hashed digest length len size min max count counts type types "
    "field fields label url uri endpoint host expiry expires expiration expire ttl age timeout at date hint policy strength "
    "rules regex pattern validator validation error errors message msg reset required needed enabled disabled prompt input "
    "manager provider store storage service class ref refs arn usage limit limits budget bucket index cost price ring chain "
    "board word words word2 less through thru port version algorithm alg prefix suffix format encoding scopes scope header "
    "status state exists valid invalid map list col column table stdin stream kind position pos offset info link"
)
_NOT_SECRET_BEFORE = looks.listed(
    "max min num total prompt completion input output next prev previous page continuation cache sort primary foreign public "
    "partition routing composite unique hot object map dict json yaml row column idempotency forgot no is has use show hide "
    "toggle require stop eos bos pad unk cls sep mask special lexer parser peek current count per"
)
_KEY_OWNERS = looks.listed(
    "api access secret private encryption signing sign auth account shared master license licence service app application "
    "storage admin deploy project write read rest client subscription function host server webhook consumer developer dev "
    "master root jwt hmac crypto cipher aes wallet mnemonic ssh tsl tls integration publish upload session"
)
_WORDS_WITH_PASS = re.compile(
    r"by_?pass|com_?pass|tres_?pass|sur_?pass|en_?pass|pass(?:ed|es|ing|ive|ion|enger|age|port|able|through|thru|word_?less)"
)


def named_secrets(text: str, lowered: str) -> Iterator[Span]:
    """`lowered` is `text` in lower case, character by character."""
    flags = "--" in text or "ENV " in text or "ARG " in text
    for core in CORES:
        at = lowered.find(core)
        while at >= 0:
            following = at + len(core)
            separator = _SEPARATOR.match(text, following) or (_FLAG_END.match(text, following) if flags else None)
            span = _judged(text, at, separator) if separator else None
            if span:
                yield span
                following = span.end
            at = lowered.find(core, following)


def _judged(text: str, core: int, separator: re.Match[str]) -> Span | None:
    before = text[max(0, core - 60) : core]
    start = core - len(before) + len(before.rstrip(_NAME_CHARACTERS))
    if start == core and text.startswith(" ", start - 1) and text[core] in "kK":  # "the account key: ..."
        start = core - 1 - len(before[:-1]) + len(before[:-1].rstrip(_NAME_CHARACTERS))
    name = text[start : separator.end("tail")]
    form = separator.lastgroup or ""
    if (form == "blank" and not name.startswith("--") and text[start - 4 : start] not in ("ENV ", "ARG ")) or (
        form == "element" and text[start - 1 : start] != "<"
    ):
        return None
    found = sort_of(name)
    if not found:
        return None
    sort, kind = found
    value = _value(text, start, separator, form)
    return (
        Span(value.start, value.end, kind)
        if value and value.text and _is_secret(sort, kind, name, value, form)
        else None
    )


@lru_cache(maxsize=4_096)
def sort_of(name: str) -> tuple[Sort, str] | None:
    """What a variable of this name holds, and the kind to report; None for names like `max_tokens` or `password_hash`."""
    pieces = [p for p in re.split(r"[^a-z0-9]+", _CAMEL.sub("_", name).lower()) if p]
    joined = "_".join(pieces)
    for at in reversed(range(len(pieces))):
        sort = _holds(pieces, at)
        if sort:
            harmless = any(p in _NOT_SECRET_AFTER for p in pieces[at + 1 :]) or any(
                p in _NOT_SECRET_BEFORE for p in pieces[:at]
            )
            verb = pieces[at] == "pass" and at + 1 < len(pieces)
            return None if harmless or verb or _WORDS_WITH_PASS.search(joined) else (sort, _kind(sort, joined))
    return None


def _holds(pieces: list[str], at: int) -> Sort | None:
    piece, owner = re.sub("(?<!auth)[0-9]+$", "", pieces[at]), pieces[at - 1] if at else ""
    if re.search(
        r"password|passwd|passphrase|passcode|passwort|^pwd|pwd$|^pass$|(?:db|my|user|root|admin|mysql|smtp|mail)pass$",
        piece,
    ):
        return Sort.PASSWORD
    if piece.endswith("secret") or piece in {"credential", "credentials", "sharedaccesskey"}:
        return Sort.SECRET
    if piece.endswith("token") or (piece in {"pat", "jwt"} and owner):
        return Sort.TOKEN
    if piece in {"authorization", "auth"}:
        return Sort.TOKEN
    if re.fullmatch(
        r"(?:api|access|secret|private|account|auth|app|license|encryption|signing|master|shared|storage)key", piece
    ):
        return Sort.KEY
    if piece == "key" and (owner in _KEY_OWNERS or owner.endswith(("api", "secret", "access"))):
        return Sort.KEY
    if piece in {"sid", "sessionid", "phpsessid", "jsessionid", "cookie"} or (
        piece == "id" and owner in {"session", "sess"}
    ):
        return Sort.SESSION
    if piece == "session" and owner:
        return Sort.SESSION
    return None


def _kind(sort: Sort, name: str) -> str:
    for part, kind in (
        ("aws_secret", "aws-secret-key"),
        ("secret_access_key", "aws-secret-key"),
        ("heroku", "heroku-key"),
        ("account_key", "azure-storage-key"),
        ("accountkey", "azure-storage-key"),
        ("shared_access_key", "azure-shared-access-key"),
        ("client_secret", "client-secret"),
        ("private_key", "private-key"),
        ("authorization", "authorization"),
        ("encryption_key", "encryption-key"),
    ):
        if part in name:
            return kind
    return {
        Sort.PASSWORD: "password",
        Sort.SECRET: "secret",
        Sort.TOKEN: "token",
        Sort.KEY: "api-key",
        Sort.SESSION: "session-id",
    }[sort]


def _value(text: str, name_start: int, separator: re.Match[str], form: str) -> Value | None:
    at = separator.end()
    if form == "element":
        end = text.index("<", at)
        return Value(at, end, text[at:end], quoted=True, literal=True, whole_line=False)
    opening = _QUOTE.match(text, at)
    if opening:
        return _quoted(text, opening, form == "assign" and text[at - 1] == "=" and opening[0] != "`")
    before = text[max(0, name_start - 80) : name_start]
    flag = text.startswith("-", name_start) and not separator["close"]
    line_start = not flag and _LINE_START.search(before) is not None
    tight = text[at - 1 : at] in "=:"
    upper = text[name_start:at].isupper()
    whole = flag or (line_start and tight and upper and form == "assign")
    run = (_RUN if whole else _SHORT_RUN).match(text, at, at + _LONGEST_VALUE)
    if not run:
        return None
    end = at + len(run[0].rstrip(",;)}]" if whole else ".,;:?!" if form == "prose" else ".,;:?"))
    after = text[end : end + 2]
    last = _REST_OF_LINE.match(text, end) is not None
    whole_line = (line_start and last) or (flag and _MORE_FLAGS.match(text, end) is not None)
    in_query = before.endswith(("?", "&", ";")) or (after[:1] in ("&", ";") and text[at - 1] == "=")
    code_follows = after[:1] in (",", ")", "}", "]", "(", "[") or (after[:1] == ";" and not in_query)
    literal = flag or in_query or (tight and form == "assign" and not code_follows)
    return Value(at, end, text[at:end], quoted=False, literal=literal, whole_line=whole_line, last=last)


def _quoted(text: str, opening: re.Match[str], tight: bool) -> Value | None:
    start, delimiter = opening.end(), opening[0]
    stop = start + _LONGEST_VALUE
    end = text.find(delimiter, start, stop)
    while end > 0 and text[end - 1] == "\\" and not delimiter.startswith("\\") and not text.startswith("\\\\", end - 2):
        end = text.find(delimiter, end + 1, stop)
    newline = text.find("\n", start, end if end >= 0 else stop)
    if end < 0 or (newline >= 0 and len(delimiter) < 3):  # the closing quote was cut off
        run = _RUN.match(text, start, stop)
        if not run:
            return None
        end = run.end()
    return Value(start, end, text[start:end], quoted=True, literal=tight, whole_line=False)


def _is_secret(sort: Sort, kind: str, name: str, value: Value, form: str) -> bool:
    text = value.text
    if looks.stand_in(text) and not (
        text == "secret" and sort is Sort.PASSWORD and (value.literal or value.whole_line)
    ):
        return False
    if sort is Sort.SESSION:
        return looks.random_looking(text) and not looks.uuid(text) and not looks.place(text)
    if kind == "aws-secret-key" and _AWS_SECRET.fullmatch(text):
        return True
    if looks.place(text) or looks.bare(text) == looks.bare(name):
        return False
    if form == "argument":
        return looks.random_looking(text)
    if form == "prose":
        return _told(sort, text)
    shell = value.literal and name.isupper()
    if value.quoted:
        return _plausible(sort, text) or ((shell or "phrase" in name.lower()) and _exported(text))
    if shell and _exported(text) and not looks.code(text):
        return True
    return _is_secret_unquoted(sort, name, value, form)


def _is_secret_unquoted(sort: Sort, name: str, value: Value, form: str) -> bool:
    """Where code can stand as well, the value must not read like code."""
    text = value.text
    if form == "colon" and name.lower() == "pass":  # how test runners begin a line
        return False
    if form == "colon" and text[:1].isupper() and looks.readable(text) and looks.symbol_free(text):
        type_like = not looks.mixed(text) or any(part in text.lower() for part in (*CORES, "str", "bytes", "type"))
        return value.literal if type_like else _plausible(sort, text)
    if looks.code(text):
        return False
    if form == "blank":
        return _unlike_a_word(text) or (sort is Sort.PASSWORD and value.whole_line)
    if value.literal or looks.random_looking(text):
        return _plausible(sort, text)
    if form == "colon" and sort is Sort.SECRET and value.last and text.isalpha():
        return len(text) >= (8 if value.whole_line else _LONGER_THAN_A_WORD) and text.islower()
    if form == "colon" and sort is Sort.PASSWORD and value.whole_line:
        return _plausible(sort, text) and (not text[:1].isupper() or _unlike_a_word(text))
    return (
        len(text) >= 6
        and not text.isdigit()
        and _unlike_a_word(text)
        and not _variable(text)
        and _plausible(sort, text)
    )


def _exported(text: str) -> bool:
    """`export X_TOKEN=supersecret`: no code stands there, only names of things do."""
    return (
        len(text) >= 6
        and not text.isdigit()
        and (text.count(" ") >= 2 or not re.search(r"[-_. ]", text) or looks.mixed(text))
    )


_ALGORITHM = re.compile(
    r"(?i)(?:sha|md|base|utf|aes|bcrypt|argon|pbkdf|scrypt|python|ascii|latin|v|rs|hs|es|ed|ipv)\W?\d.*"
)


def _told(sort: Sort, text: str) -> bool:
    """`the password is h7-Kestrel`, and not `the password is wrong`."""
    if _ALGORITHM.fullmatch(text) or looks.code(text):
        return False
    return len(text) >= 6 and looks.mixed(text) and (sort is Sort.PASSWORD or looks.random_looking(text))


def _variable(text: str) -> bool:
    return looks.identifier(text) and (not looks.mixed(text) or any(core in text.lower() for core in CORES))


def _unlike_a_word(text: str) -> bool:
    return len(text) >= 4 and (looks.mixed(text) or not looks.words(text.rstrip(".!?")))


def _plausible(sort: Sort, text: str) -> bool:
    if sort is Sort.PASSWORD:
        return len(text) >= 4 and not (" " in text and looks.words(text))
    if sort is Sort.SECRET:
        prose = looks.words(text) and any(blank in text for blank in " _.")
        return len(text) >= 6 and not text.isdigit() and not prose
    return len(text) >= 8 and " " not in text and looks.mixed(text) and not looks.words(text)
