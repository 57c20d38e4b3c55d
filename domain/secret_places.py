"""Secrets that are known by where they stand: in addresses, headers, cookies, command lines and files of credentials."""

import base64
import binascii
import re
from collections.abc import Iterator

from session_mgmt_mcp.domain import secret_values as looks
from session_mgmt_mcp.domain.secret_names import sort_of
from session_mgmt_mcp.domain.secret_tokens import Span

_AUTHORITY = re.compile(r"[^\s/\"'`<>\\|,]{1,400}")


def addresses(text: str) -> Iterator[Span]:
    """`scheme://user:password@host`, `scheme://token@host`; `user@host` and `host:port` stay."""
    at = text.find("://")
    while at >= 0:
        authority = _AUTHORITY.match(text, at + 3)
        following = authority.end() if authority else at + 3
        if authority and "@" in authority[0]:
            user_info = authority[0].rpartition("@")[0]
            user, colon, password = user_info.partition(":")
            host = authority[0].rpartition("@")[2]
            start = authority.start() + (len(user) + 1 if colon else 0)
            secret = password if colon else user
            if _in_address(secret, bool(colon)) and "?" not in user and host:
                yield Span(start, authority.start() + len(user_info), "url-password")
        at = text.find("://", following)


def _in_address(secret: str, is_password: bool) -> bool:
    if not secret or looks.stand_in(secret) or "[" in secret:
        return False
    varied = len(secret) >= 32 or secret.lower() != secret
    return is_password or (len(secret) >= 20 and varied and looks.random_looking(secret))


_GO_DSN = re.compile(r"(?<![\w.-])[\w.-]{1,64}:([^\s:@/\"']{1,200})@(?:tcp|unix)\(")
_ORACLE = re.compile(r"jdbc:oracle:thin:\w{1,64}/([^@\s\"']{1,200})@")


def data_sources(text: str) -> Iterator[Span]:
    """Go's `user:password@tcp(host)` and Oracle's `jdbc:oracle:thin:user/password@host`."""
    if "@tcp(" in text:
        yield from _groups(_GO_DSN, text, "url-password")
    if "jdbc:oracle" in text:
        yield from _groups(_ORACLE, text, "url-password")


def _groups(pattern: re.Pattern[str], text: str, kind: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    for match in pattern.finditer(text, start, len(text) if end is None else end):
        group = match.lastindex or 0
        if match[group] == "secret" or not looks.stand_in(match[group]):
            yield Span(match.start(group), match.end(group), kind)


_CREDENTIAL = re.compile(r"[\w.~+/=:-]{6,}")
_SCHEME_VALUE = re.compile(r"[ \t]{1,4}[\"']?([\w.~+/=:-]{6,})")
_HEADER = re.compile(r"authorization\\{0,3}[\"']?\]?[ \t]{0,8}[:=,(][ \t]{0,8}(?:[frb]?\\{0,3}[\"'])?", re.IGNORECASE)
_HEADER_SCHEME = re.compile(
    r"(?:(?:basic|bearer|token|digest|apikey|bot|key|splunk|genie ?key|negotiate)[ \t]{1,4})?", re.IGNORECASE
)


def headers(text: str, lowered: str) -> Iterator[Span]:
    at = lowered.find("authorization")
    while at >= 0:
        following = at + 13
        header = _HEADER.match(text, at)
        scheme = _HEADER_SCHEME.match(text, header.end()) if header else None
        value = _CREDENTIAL.match(text, scheme.end(), scheme.end() + looks.LONGEST_JUDGED) if scheme else None
        if value and scheme and (scheme[0] or looks.random_looking(value[0])):
            value = _CREDENTIAL.match(text, value.start()) or value
            following = value.end()
            if (
                not looks.stand_in(value[0])
                and (looks.mixed(value[0]) or _decodes(value[0]))
                and not looks.code(value[0])
            ):
                yield Span(value.start(), value.end(), "authorization")
        at = lowered.find("authorization", following)
    for scheme_name in ("bearer ", "basic "):
        at = lowered.find(scheme_name)
        while at >= 0:
            credential = _SCHEME_VALUE.match(text, at + len(scheme_name) - 1)
            if credential and not looks.stand_in(credential[1]):
                basic = scheme_name == "basic "
                if (
                    _decodes(credential[1])
                    if basic
                    else len(credential[1]) >= 16 and looks.random_looking(credential[1])
                ):
                    yield Span(credential.start(1), credential.end(1), "authorization")
            at = lowered.find(scheme_name, credential.end() if credential else at + len(scheme_name))


def _decodes(value: str) -> bool:
    """Whether it is the base64 of `user:password`."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded[1:] and decoded.isascii()


_COOKIES = re.compile(r"cookie\\{0,3}[\"']?[ \t]{0,8}[:=,][ \t]{0,8}\\{0,3}[\"']?")
_PAIR = re.compile(r"([\w.%$-]{1,80})=([^;\s\"',\\]{4,})")
_PLAIN_COOKIES = looks.listed("path domain expires max-age samesite version theme lang locale _ga _gid")


def cookies(text: str, lowered: str) -> Iterator[Span]:
    """In a Cookie or Set-Cookie header: values of what is named like a session, and whatever looks random."""
    at = lowered.find("cookie")
    while at >= 0:
        following = at + 6
        header = _COOKIES.match(lowered, at)
        if header:
            newline = text.find("\n", header.end(), header.end() + 4_000)
            following = newline if newline >= 0 else min(len(text), header.end() + 4_000)
            for pair in _PAIR.finditer(text, header.end(), following):
                if _keeps_a_session(pair[1], pair[2]):
                    yield Span(pair.start(2), pair.end(2), "cookie")
        at = lowered.find("cookie", following)


def _keeps_a_session(name: str, value: str) -> bool:
    if name.lower() in _PLAIN_COOKIES or name.lower().startswith("_ga") or looks.stand_in(value) or looks.code(value):
        return False
    found = sort_of(name)
    named = found is not None or re.search("(?i)sess|sid|auth|token|jwt|login|remember|csrf|xsrf", name) is not None
    return (named and looks.mixed(value)) or looks.random_looking(value)


_WORD = r"(?:\\?\"([^\"\n]+?)\\?\"|'([^'\n]+)'|([^\s\"'|;&<>]+))"
_COMMANDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("mysql", r"\s-p(?=\S)" + _WORD),
        ("mysql", r"\s-p\s+(?=\S*[\d!#%^+*@?A-Z]|\S+\s+[A-Za-z-])(?!-)" + _WORD),
        ("mariadb", r"\s-p(?=\S)" + _WORD),
        ("mongo", r"\s-p[\s=]*(?!-)" + _WORD),
        ("sshpass", r"\s-p\s*" + _WORD),
        ("redis-cli", r"\s(?:-a|--pass)[\s=]+" + _WORD),
        ("login", r"\s-p[\s=]*(?!-)" + _WORD),
        ("curl", r"\s(?:-u|--user|-U|--proxy-user)[\s=]*(?:\\?[\"'])?[\w.@+%-]{1,64}:([^\s\"'\\]+)"),
        ("http", r"\s(?:-a|--auth)[\s=]+(?:[\"'])?[\w.@+-]{1,64}:([^\s\"']+)"),
        ("ldap", r"\s-w\s+" + _WORD),
        ("openssl", r"\s-pass(?:in|out|)\s+[\"']?pass:([^\s\"']+)"),
        ("htpasswd", r"\s-\w*b\w*\s+\S+\s+\S+\s+" + _WORD),
        ("smbclient", r"\s-U\s+[\"']?[\w\\/.-]{1,64}%([^\s\"']+)"),
        ("sqlcmd", r"\s-P\s*" + _WORD),
        ("clickhouse", r"\s--password[\s=]+" + _WORD),
        ("securestring", r"\s+" + _WORD),
        ("-u ", r"\s\S+\s+-p\s+(?!-)" + _WORD),
    )
)
_SUDO = re.compile(
    r"(?:echo|printf)\s+(?:-n\s+)?(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s\"'|]+))\s*\|\s*(?:sudo\s+-S|[^\n|]{1,80}-stdin)"
)


def commands(text: str, lowered: str) -> Iterator[Span]:
    """Arguments of command lines: `mysql -psecret`, `sshpass -p`, `curl -u user:password`, `redis-cli -a`."""
    flagged = "\n".join([line for line in lowered.split("\n") if "-" in line or "securestring" in line])
    for name, pattern in _COMMANDS if " -" in text or "securestring" in lowered else ():
        at = lowered.find(name) if name in flagged else -1
        while at >= 0:
            newline = text.find("\n", at, at + 400)
            end = newline if newline >= 0 else min(len(text), at + 400)
            yield from (
                span for span in _groups(pattern, text, "password", at + len(name) - 1, end) if _argument(text, span)
            )
            at = lowered.find(name, max(end, at + 1))
    if "| sudo -S" in text or "-stdin" in text:
        yield from _groups(_SUDO, text, "password")


def _argument(text: str, span: Span) -> bool:
    value = text[span.start : span.end]
    return not value.startswith(("-", "/")) and not re.fullmatch(r"\d{1,5}(?::\d+)*(?:/\w+)?", value)


_NETRC = re.compile(r"machine\s+\S{1,200}\s+login\s+\S{1,200}\s+password\s+(\S+)")
_PGPASS = re.compile(r"^[\w.*-]{1,200}:(?:543\d|6543):[\w*-]{1,100}:[\w*-]{1,100}:(\S+)", re.MULTILINE)

_PGPASS_IN_PROSE = re.compile(
    r"(?<![\w.*:/@-])[\w.*-]{1,200}:(?:543\d|6543):[\w*-]{1,100}:[\w*-]{1,100}:([^\s\"'`<>,;)\]\\]+)"
)


def credential_files(text: str, lowered: str) -> Iterator[Span]:
    """.netrc and .pgpass."""
    if "machine" in lowered and "login" in lowered:
        yield from _groups(_NETRC, text, "password")
    if ":543" in text or ":6543:" in text:
        yield from _groups(_PGPASS, text, "password")
        for span in _groups(_PGPASS_IN_PROSE, text, "password"):
            if looks.mixed(text[span.start : span.end]):
                yield span
