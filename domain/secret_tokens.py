"""Secrets that show what they are by their own shape: provider tokens, JWTs, private keys."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """text[start:end] is a secret of this kind."""

    start: int
    end: int
    kind: str


class Token(NamedTuple):
    kind: str
    prefix: str  # found first, by plain search: absent prefixes cost next to nothing
    pattern: re.Pattern[str]  # matched where the prefix stands
    alone: bool  # the prefix may not continue a word


_RUN = re.compile(r"[\w-]*")
_NOT_A_WORD = re.compile(r"(?:^|[^A-Za-z0-9]|\\[nrt]|%[0-9A-Fa-f]{2}|\\u00[0-9a-fA-F]{2}|\x1b\[[0-9;]*m)\Z")
_FILLER = re.compile(r"(?i)your|example[-_]?(?:key|token)|placeholder|(.)\1{5}|\*{3}|\.{3}|x{4}")

_TABLE = r"""
anthropic-key sk-ant- [\w-]{20,}
openrouter-key sk-or-v1- [0-9a-f]{48,}
openai-key !sk- [\w-]{20,}
openai-key sess- [A-Za-z0-9]{40}
aws-access-key-id !AKIA [A-Z0-9]{16}(?![A-Za-z0-9])
aws-access-key-id !ASIA [A-Z0-9]{16}(?![A-Za-z0-9])
google-api-key !AIza [\w-]{35}(?![\w-])
google-oauth !GOCSPX- [\w-]{20,}
google-oauth !ya29. [\w-]{20,}
google-oauth !1//0 [\w-]{30,}
github-token ghp_ [A-Za-z0-9]{30,}
github-token gho_ [A-Za-z0-9]{30,}
github-token ghu_ [A-Za-z0-9]{30,}
github-token ghs_ [A-Za-z0-9]{30,}
github-token ghr_ [A-Za-z0-9]{30,}
github-token github_pat_ \w{36,}
gitlab-token glpat- [\w.-]{20,}
gitlab-token gldt- [\w-]{20,}
gitlab-token glrt- [\w.-]{20,}
gitlab-token glptt- [\w-]{20,}
gitlab-token glcbt- [\w-]{20,}
gitlab-token glsoat- [\w-]{20,}
gitlab-token glft- [\w-]{20,}
gitlab-token GR1348941 [\w-]{20,}
slack-token !xoxb- [\w-]{10,}
slack-token !xoxp- [\w-]{10,}
slack-token !xoxa- [\w-]{10,}
slack-token !xoxr- [\w-]{10,}
slack-token !xoxs- [\w-]{10,}
slack-token !xoxc- [\w-]{10,}
slack-token !xoxd- [\w%-]{10,}
slack-token !xoxe [.-][\w.-]{20,}
slack-token !xapp- [\w-]{10,}
stripe-key sk_live_ [A-Za-z0-9]{10,}
stripe-key sk_test_ [A-Za-z0-9]{10,}
stripe-key rk_live_ [A-Za-z0-9]{10,}
stripe-key rk_test_ [A-Za-z0-9]{10,}
stripe-key !whsec_ [A-Za-z0-9+/=]{20,}
twilio-key !SK [0-9a-f]{32}(?!\w)
twilio-key !AC [0-9a-f]{32}(?!\w)
sendgrid-key !SG. [\w-]{16,32}\.[\w-]{16,64}
npm-token !npm_ [A-Za-z0-9]{30,}
pypi-token !pypi- AgE[\w-]{40,}
huggingface-token !hf_ [A-Za-z0-9]{30,}
huggingface-token !api_org_ [A-Za-z0-9]{30,}
digitalocean-token dop_v1_ [0-9a-f]{40,}
digitalocean-token doo_v1_ [0-9a-f]{40,}
digitalocean-token dor_v1_ [0-9a-f]{40,}
heroku-key !HRKU- [\w-]{30,}
databricks-token !dapi [0-9a-f]{32}(?:-\d)?(?!\w)
databricks-token !dose [0-9a-f]{32}(?:-\d)?(?!\w)
shopify-token shpat_ [0-9a-fA-F]{32}
shopify-token shpca_ [0-9a-fA-F]{32}
shopify-token shppa_ [0-9a-fA-F]{32}
shopify-token shpss_ [0-9a-fA-F]{32}
mailgun-key !key- [0-9a-f]{32}(?!\w)
age-key AGE-SECRET-KEY-1 [A-Z0-9]{30,}
vault-token !hvs. [\w-]{20,}
vault-token !hvb. [\w-]{20,}
vault-token !hvr. [\w-]{20,}
grafana-token !glsa_ [A-Za-z0-9]{32}_[0-9a-fA-F]{8}
grafana-token !glc_ [A-Za-z0-9+/=]{32,}
new-relic-key !NRAK- [A-Z0-9]{27}
sentry-token sntrys_ [\w+/=-]{40,}
sentry-token sntryu_ [0-9a-f]{40,}
linear-key !lin_api_ [A-Za-z0-9]{32,}
notion-token !ntn_ [A-Za-z0-9]{40,}
notion-token !secret_ [A-Za-z0-9]{43}(?!\w)
airtable-token !pat [A-Za-z0-9]{14}\.[0-9a-f]{64}
figma-token !figd_ [\w-]{36,}
postman-key !PMAK- [0-9a-f]{24}-[0-9a-f]{34}
docker-token dckr_pat_ [\w-]{20,}
docker-token dckr_oat_ [\w-]{20,}
rubygems-key !rubygems_ [0-9a-f]{40,}
crates-token !cio [A-Za-z0-9]{32}(?!\w)
planetscale-token pscale_ (?:tkn|pw|oauth)_[\w.-]{30,}
supabase-key !sbp_ [0-9a-f]{40}
supabase-key !sb_secret_ [\w-]{20,}
netlify-token !nfp_ [A-Za-z0-9]{30,}
pulumi-token !pul- [0-9a-f]{40}(?!\w)
doppler-token !dp. (?:pt|st|ct|sa|scim|audit)\.[\w.-]{36,}
atlassian-token ATATT3 [\w=-]{60,}
atlassian-token ATBB [A-Za-z0-9]{32}
groq-key !gsk_ [A-Za-z0-9]{40,}
xai-key !xai- [A-Za-z0-9]{60,}
perplexity-key !pplx- [A-Za-z0-9]{40,}
replicate-token !r8_ [A-Za-z0-9]{36,}
langsmith-key lsv2_ (?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}
square-token !sq0atp- [\w-]{22,}
square-token !sq0csp- [\w-]{40,}
tailscale-key tskey- [a-z]+-[\w-]{16,}
fly-token !fm2_ [\w+/=,]{40,}
brevo-key xkeysib- [0-9a-f]{64}-[A-Za-z0-9]{16}
mapbox-token !sk.eyJ [\w-]{20,}\.[\w-]{10,}
onepassword-token !ops_eyJ [\w-]{40,}
buildkite-token !bkua_ [0-9a-f]{40}
circleci-token CCIPAT_ [\w-]{40,}
session-mgmt-token sessmgmt_ (?:[0-9a-f]{12}_)?[0-9a-f]{16,}
render-key !rnd_ [A-Za-z0-9]{32}
"""


def _tokens() -> Iterator[Token]:
    for line in _TABLE.split("\n"):
        if line:
            kind, prefix, body = line.split(" ", 2)
            literal = prefix.removeprefix("!")
            yield Token(kind, literal, re.compile(re.escape(literal) + body, re.ASCII), prefix.startswith("!"))


_BY_PREFIX = tuple((token.prefix, token) for token in _tokens())
_SHORTEST = 15
"""Characters of a token, none of them white space: a hundred prefixes need not be looked for in whole texts."""


def starts_a_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum() or _NOT_A_WORD.search(text[max(0, at - 12) : at]) is not None


def opaque(value: str) -> bool:
    """Made by a machine, by the look of it: letters and digits mixed in one long piece."""
    if len(value) >= 32 and any(map(str.isdigit, value)) and value.upper() != value != value.lower():
        return True
    return any(not p.isalpha() and not p.isdigit() for p in re.findall("[A-Za-z0-9]{12,}", value))


def _believable(token: Token, found: str) -> bool:
    body = found[len(token.prefix) :]
    if len(set(body)) < 6 or _FILLER.search(body):
        return False
    return token.prefix != "sk-" or opaque(body)


def provider_tokens(text: str) -> Iterator[Span]:
    long = " ".join([word for word in text.split() if len(word) >= _SHORTEST])
    for token in [token for prefix, token in _BY_PREFIX if prefix in long]:
        at = text.find(token.prefix)
        while at >= 0:
            following = at + len(token.prefix)
            if not token.alone or starts_a_word(text, at):
                match = token.pattern.match(text, at)
                # The whole run goes, so that no tail of a token survives, and a failed run is not tried again.
                following = _end_of_run(text, match.end() if match else following)
                if match and _believable(token, match[0]):
                    yield Span(at, following, token.kind)
                    if token.kind == "aws-access-key-id":
                        yield from _secret_beside(text, following)
            at = text.find(token.prefix, following)


def _end_of_run(text: str, at: int) -> int:
    match = _RUN.match(text, at)
    return match.end() if match else at


_AWS_SECRET = re.compile(r"[\s,;:|\"']{1,6}([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])")


def _secret_beside(text: str, at: int) -> Iterator[Span]:
    match = _AWS_SECRET.match(text, at)
    if match and opaque(match[1]) and not re.fullmatch("[0-9a-f]+", match[1]):
        yield Span(match.start(1), match.end(1), "aws-secret-key")


_SEGMENT = re.compile(r"[\w-]*", re.ASCII)


def jwts(text: str) -> Iterator[Span]:
    at = text.find("eyJ")
    while at >= 0:
        header = _SEGMENT.match(text, at)
        end = header.end() if header else at + 3
        dots, following = 0, end
        while dots < 4 and text.startswith(".", following) and (part := _SEGMENT.match(text, following + 1)):
            dots, following = dots + 1, part.end()
        if dots >= 2 and end - at >= 12 and following - end >= 20 and starts_a_word(text, at):
            yield Span(at, following, "jwt")
            end = following
        elif dots == 1 and following - end >= 30 and text.startswith("eyJ", end + 1):
            yield Span(at, following, "jwt")  # its signature was cut off
            end = following
        at = text.find("eyJ", end)


_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(
    r"""(?:[\s"'+|>#*,]|\\+[nrt]|(?:Proc-Type|DEK-Info|Version|Comment|Hash):[^\n\\]*
        |[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]{1,15}={1,2}|\.{3}|…)*""",
    re.VERBOSE,
)
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/=]{16,}")
_PUTTY = re.compile(r"Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{4,}\s*)+)")
_LONGEST_KEY = 20_000


def private_keys(text: str) -> Iterator[Span]:
    """Whole blocks, blocks whose end or beginning was cut off, and PuTTY's; bare markers in prose stay."""
    covered = floor = barren = 0
    ends = _END.finditer(text)
    end = next(ends, None)
    for begin in _BEGIN.finditer(text):
        if begin.start() < max(covered, barren):
            continue
        while end and end.start() < begin.end():
            yield from _headless(text, max(covered, floor), end)
            floor, end = end.end(), next(ends, None)
        body = _BODY.match(text, begin.end())
        if not body or not _BASE64_LINE.search(body[0]):
            barren = body.end() if body else 0  # a marker within has the same end
            continue
        covered = begin.end() + len(body[0].rstrip(" \t\r\n\"'+|>#*,"))
        between = text.find("-----BEGIN", begin.end(), end.start()) if end else -1
        if end and between < 0 and end.start() - begin.end() < _LONGEST_KEY:
            covered = end.end()
            end = next(ends, None)
        yield Span(begin.start(), covered, "private-key")
    while end:
        yield from _headless(text, max(covered, floor), end)
        floor, end = end.end(), next(ends, None)
    for match in _PUTTY.finditer(text):
        yield Span(match.start(1), match.start(1) + len(match[1].rstrip()), "private-key")


def _headless(text: str, floor: int, end: re.Match[str]) -> Iterator[Span]:
    start = max(floor, end.start() - _LONGEST_KEY)
    at = end.start()
    for line in reversed(re.split(r"\n|\\n", text[start:at])):
        bare = line.strip(" \t\r\\\"'")
        if bare and not re.fullmatch(r"[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]+={0,2}", bare):
            break
        if bare:
            at = text.rfind(bare, start, at)
    if at < end.start() and _BASE64_LINE.search(text, at, end.start()):
        yield Span(at, end.end(), "private-key")


def _around(pattern: str, anchor: str, kind: str, before: Sequence[int] = (0,)) -> Callable[[str], Iterator[Span]]:
    """A rule whose tell-tale stands in the middle: the anchor is searched, the pattern matched so many characters before
    it; its group 1 is the secret."""
    compiled = re.compile(pattern, re.ASCII)

    def rule(text: str) -> Iterator[Span]:
        at = text.find(anchor)
        while at >= 0:
            following = at + len(anchor)
            starts = (at - back for back in before if at >= back)
            match = next((m for start in starts if (m := compiled.match(text, start))), None)
            if match:
                following = max(following, match.end())  # what begins within would be judged alike
                if len(set(match[1])) >= 6 and not _FILLER.search(match[1][-20:]):
                    following = max(following, _end_of_run(text, match.end()))
                    yield Span(match.start(1), following, kind)
            at = text.find(anchor, following)

    return rule


_DISCORD = re.compile(r"[MNO](?<![\w-].)[\w-]{22,27}+\.[\w-]{6,7}+\.[\w-]{27,}", re.ASCII)


def discord_tokens(text: str) -> Iterator[Span]:
    for match in _DISCORD.finditer(text):
        yield Span(match.start(), match.end(), "discord-token")


SHAPES: tuple[Callable[[str], Iterator[Span]], ...] = (
    provider_tokens,
    jwts,
    discord_tokens,
    _around(r"(?<!\d)(\d{8,10}:AA[\w-]{32,34})(?![\w-])", ":AA", "telegram-token", (8, 9, 10)),
    _around(r"/bot(\d{6,12}:[\w-]{30,})", "/bot", "telegram-token"),
    _around(r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]{20,})", "hooks.slack.com/", "slack-webhook"),
    _around(r"/api/webhooks/(\d{5,}/[\w-]{20,})", "/api/webhooks/", "discord-webhook"),
    _around(r"\.webhook\.office\.com/webhookb2/([\w@/-]{30,})", ".webhook.office.com/", "teams-webhook"),
    _around(r"(?<!\w)([0-9a-f]{32}-us\d{1,2})(?!\w)", "-us", "mailchimp-key", (32,)),
    _around(r"(?<![\w.~-])([\w.~-]{3}\dQ~[\w.~-]{31,34})(?![\w.~-])", "Q~", "azure-client-secret", (4,)),
    _around(r"X-Amz-Signature=([0-9a-f]{64})", "X-Amz-Signature=", "aws-signature"),
    _around(r"(?<!\w)([A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,})", ".atlasv1.", "terraform-token", (14,)),
)
signatures = _around(r"sig=([\w%+/=-]{30,})", "sig=", "azure-sas")
"""Rules that need a run of at least 16 word characters: where there is none, they need not be asked."""
