"""What a value looks like: a secret, a stand-in for one, or code that fetches one."""

import re
from functools import lru_cache


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_REFERENCE = re.compile(
    r"\$\w+|\$\$.*|%\w+%|%\(?\w*\)?[sdrv]|@\w+@|&\w+;|[*x•●.…_#?\s-]+|.*\[(?:redacted:[a-z0-9-]+|private)\].*",
    re.IGNORECASE,
)
_OPENINGS = ("${", "$(", "%{", "{", "<", "[", "#{", "***")
_WITHIN = (
    "xxxxxx",
    "****",
    "changeme",
    "change-me",
    "change_me",
    "changethis",
    "change-this",
    "change_this",
    "placeholder",
)
_ADDRESSED = re.compile(
    r"""(?ix)
    (?:your|example|placeholder|insert|sample|dummy|fake)[a-z]*+(?:[-_. ][a-z]+)*+[-_. ]?\d?
    | (?:my|the|an?|some|enter|put|paste|add|replace|change|todo|fixme|redacted|masked|hidden|removed|not|no|invalid|wrong
        |test|mock|stub|new|old)(?:[-_. ](?-i:[a-z]+|[A-Z]+))*+[-_. ]?\d? | your[-_ ].*
    | .*?(?:your|my|put|insert|replace)[-_. ][a-z]+[-_. ].*
    | [hrep]s(?:256|384|512) | sha\d+ | aes\d* | argon2(?:id)? | oauth2? | pbkdf2
    """
)
_STAND_INS = listed(
    "none nil null undefined nan true false yes on off auto default empty unset unknown missing required optional optionally "
    "incorrect expired rejected accepted failed failure ok okay denied error matches mismatch match set stored saved sent found "
    "loaded reset rotated updated prompt stdin env file keyring vault keychain any all self this and or is was must should can "
    "cannot may will has have for from with via when if only see same given both str string strings text bytes bytea char varchar "
    "int integer number bool boolean float object byte list dict array map never void date datetime uuid json url email blob enum "
    "bearer basic digest bcrypt scrypt md5 hmac jwt saml ldap kerberos user username login value values name id input field "
    "flag flags option options argument arguments requires needs takes reads flag option argument parameter switch correct valid bad foo bar baz qux abc xyz blah cred creds"
)
_FIELD_WORDS = listed(
    "password passwd pass passphrase passwort pwd secret secrets token tokens credential credentials api key apikey access auth "
    "authorization authentication user users new old current confirm confirmation repeat reset forgot change input field form "
    "login db database my your the client server bearer csrf xsrf session refresh id name value hash type text label hint error "
    "required invalid incorrect wrong missing is and or a of for with in to account admin private public shared app main"
)
_TEMPLATE = re.compile(r"\$\{|\{\{|\$\(|<[A-Za-z][\w -]*>|%\(\w+\)s|\{[A-Za-z_][\w.()\[\]'\"]*\}|#\{")
_CAMEL = re.compile("([a-z])([A-Z])")
_CALL = re.compile(r"(?:await |new |&|\*|!)*[A-Za-z_$][\w.$:>?!-]*(?:\(|\[|<\w)")
_DOTTED = re.compile(r"[&*!]*[A-Za-z_$][\w$]*(?:(?:\?|!)?(?:\.|->|::)[A-Za-z_$][\w$]*)+[!?]?")
_IDENTIFIER = re.compile(r"[&*!]*[A-Za-z_$][A-Za-z_$]*\d?")
_PATH = re.compile(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.@{}$ -]*(?:[/\\][\w.@{}$ -]*)*|[\w.-]+\.(?:[a-z]{2,4}|json|yaml|toml)|(?:\w+/)+[\w.-]+"
)
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://.*|arn:aws.*|[\w.-]+@[\w-]+\.[a-z.]{2,}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PASSWORD_HASH = re.compile(r"\$(?:2[aby]?|argon2\w*|scrypt|pbkdf2[\w-]*|[156y])\$.{8,}")
_WORDS = re.compile(r"(?:[A-Za-z][a-z]*|[A-Z]{2,})(?:[-_. ](?:[A-Za-z][a-z]*|[A-Z]{2,}|\d{1,2}))*")
_GENERATED = re.compile(r"[0-9a-f]{16,}|(?=[A-Za-z0-9]{16,}\Z)[A-Za-z0-9]*[0-9]{6}[A-Za-z0-9]*")
_DIGIT, _LETTER = re.compile(r"\d"), re.compile(r"[^\W\d_]")
LONGEST_JUDGED = 200


@lru_cache(maxsize=4_096)
def stand_in(value: str) -> bool:
    """`<TOKEN>`, `${TOKEN}`, `xxxx`, `***`, `changeme`, `your-api-key-here`, types, and the usual words of messages."""
    judged = value[:LONGEST_JUDGED]
    lowered = judged.lower()
    if _PASSWORD_HASH.fullmatch(judged):
        return False
    if lowered in _STAND_INS or len(set(judged)) < 3 or judged.startswith(_OPENINGS) or judged.endswith(("...", "…")):
        return True
    if any(part in lowered for part in _WITHIN):
        return True
    return bool(
        _REFERENCE.fullmatch(judged) or _ADDRESSED.fullmatch(judged) or _TEMPLATE.search(judged) or field_name(judged)
    )


def field_name(value: str) -> bool:
    """`password`, `newPassword`, `auth.token`, `confirm-password`: what a form or a message calls the thing."""
    if not value.isascii() or any(map(str.isdigit, value)):
        return False
    pieces = re.split(r"[^A-Za-z]+", _CAMEL.sub(r"\1 \2", value.strip("#.:?! ")))
    return all(piece.lower() in _FIELD_WORDS for piece in pieces)


def code(value: str) -> bool:
    """`get_token()`, `os.environ[...]`, `self.password`, `settings::KEY`."""
    judged = value[:LONGEST_JUDGED]
    return judged.startswith("(") or bool(_CALL.match(judged) or _DOTTED.fullmatch(judged))


def identifier(value: str) -> bool:
    """A plain name, as in `password=password1` or `token: userToken`."""
    return bool(_IDENTIFIER.fullmatch(value[:LONGEST_JUDGED]))


def place(value: str) -> bool:
    """A path, a file name, an address."""
    judged = value[:LONGEST_JUDGED]
    return bool(_URL.fullmatch(judged) or (_PATH.fullmatch(judged) and not random_looking(judged)))


def symbol_free(value: str) -> bool:
    return value.replace("_", "a").isalnum()


def bare(value: str) -> str:
    return re.sub("[^a-z0-9]+", "", value[:LONGEST_JUDGED].lower())


def uuid(value: str) -> bool:
    return bool(_UUID.fullmatch(value))


def words(value: str) -> bool:
    """Words joined by blanks, dashes, dots or underscores, and nothing else."""
    return bool(_WORDS.fullmatch(value[:LONGEST_JUDGED]))


def mixed(value: str) -> bool:
    """Letters and digits, the least a generated secret has."""
    judged = value[:LONGEST_JUDGED]
    return _DIGIT.search(judged) is not None and _LETTER.search(judged) is not None


def random_looking(value: str) -> bool:
    judged = value[:LONGEST_JUDGED]
    digits = sum(map(str.isdigit, judged))
    if len(judged) < 12 or not mixed(judged) or readable(judged):
        return False
    pieces = re.findall("[A-Za-z0-9]{10,}", judged)
    if any(mixed(p) and sum(map(str.isdigit, p)) >= 2 for p in pieces):
        return True
    return digits >= 3 and judged.upper() != judged != judged.lower() and not re.search(r"[\s()]", judged)


def readable(value: str) -> bool:
    """Words with a number or two: `Ed25519PrivateKey`, `test_v2_of_login`; a generated string has few letters in a row."""
    if _GENERATED.fullmatch(value):
        return False
    words = re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", value)
    longest_word = max(map(len, words), default=0)
    numbers = len(re.findall("[0-9]+", value))
    return (
        longest_word >= 4
        and sum(len(word) >= 3 for word in words) >= 0.65 * len(words)
        and numbers <= 1 + len(words) // 2
    )
