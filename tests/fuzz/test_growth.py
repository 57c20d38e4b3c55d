"""Nothing takes much more than twice as long for twice the input, whatever the input is made of."""

import importlib
import pkgutil
import random
import re
from pathlib import Path

import pytest
import session_mgmt_mcp
from session_mgmt_mcp.adapters.claude_code.conversation import Conversation
from session_mgmt_mcp.adapters.claude_code.outline import Outlining
from session_mgmt_mcp.adapters.claude_code.words import typed
from session_mgmt_mcp.domain.code import blocks
from session_mgmt_mcp.domain.fixes import runs
from session_mgmt_mcp.domain.project_graph.problems import problem_of
from session_mgmt_mcp.domain.quoting import unframed, visible
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.secret_places import _COMMANDS
from session_mgmt_mcp.domain.secret_tokens import _BY_PREFIX
from session_mgmt_mcp.domain.sentences import sentences
from session_mgmt_mcp.lines import Lines
from session_mgmt_mcp.shim import FIRST_ID, LAST_ID, RESPONSE

from tests.fuzz.growth import cpu, grows, pumped, pumps_of
from tests.fuzz.inputs import load

GATE = "password= Aa1aaaaaaaaaaaaaaaaaaa ://a@tcp( -p securestring| sudo -S -stdin machine login :5432: Bearer cookie: sig=\n"
"""Opens what redaction asks before it looks closer."""
RULES = ("redaction", "secret_names", "secret_places", "secret_tokens", "secret_values")
EXPONENTIAL = 0.1  # seconds for thirty repetitions
SEARCHES = re.compile(r"\b(\w+)\.(?:search|finditer|findall|sub|split)\(")
GIVEN_SHORT_TEXTS = {
    "adapters.crackerjack.installed._SHEBANG",  # the first line of a script
    "adapters.gemini.llm_provider._NAME",  # fullmatch, of a model's name
    "adapters.pytools.toolbox._VERSION",  # what a tool says of itself
    "domain.days_ahead._LENGTHS",  # a span that was matched as a whole
    "domain.runs.error_patterns._VARYING",  # 400 characters
    "domain.secret_values._PATH",  # fullmatch, of what is judged above
    "domain.times._VERSION",  # the name of a tag
}
"""Their square is small; by the name of the first module that has them."""
SCREENED = 2_000, 8_000  # characters
SUSPECT = 5.5  # times as long for four times the text


def patterns() -> dict[str, re.Pattern[str]]:
    """Every pattern of redaction, by where it stands."""
    found = {f"{prefix} {token.kind}": token.pattern for prefix, token in _BY_PREFIX}
    found |= {f"command {name} {at}": pattern for at, (name, pattern) in enumerate(_COMMANDS)}
    for rules in RULES:
        module = vars(importlib.import_module(f"session_mgmt_mcp.domain.{rules}"))
        found |= {f"{rules}.{name}": one for name, one in module.items() if isinstance(one, re.Pattern)}
    return found


def used_to_search() -> dict[str, "re.Pattern[str]"]:
    """Every pattern of the product whose name is asked for what stands anywhere in a text."""
    root = Path(__file__).parents[2]
    sources = [file.read_text() for top in ("domain", "adapters", "entrypoints") for file in (root / top).rglob("*.py")]
    asked = {name for source in sources for name in SEARCHES.findall(source)}
    found = {}
    for module in pkgutil.walk_packages(session_mgmt_mcp.__path__, "session_mgmt_mcp."):
        for name, one in vars(importlib.import_module(module.name)).items():
            if isinstance(one, re.Pattern) and isinstance(one.pattern, str) and name in asked:
                found.setdefault(one, f"{module.name.removeprefix('session_mgmt_mcp.')}.{name}")
    return {name: pattern for pattern, name in found.items()}


def parsed(text: str) -> None:
    """A whole line of it, and a message that holds it."""
    for line in (text.encode(), b'{"type":"user","message":{"content":[{"type":"text","text":"%b"}]}}' % text.encode()):
        for _ in Conversation("s", "", lambda _: b"").entries(line, 0):
            pass
        Outlining("s", 1).take(line)


def cut_into_lines(stream: bytes) -> None:
    lines = Lines(1 << 30)
    for at in range(0, len(stream), 4_096):
        for line in lines.feed(stream[at : at + 4_096]):
            RESPONSE.match(line)
    FIRST_ID.match(stream)
    LAST_ID.search(stream[-512:])


# Each of these took the square of its length once, or doubled with each character.
@pytest.mark.parametrize(
    ("prefix", "pump", "suffix"),
    [
        ("", "-----BEGIN PRIVATE KEY-----Version:", ""),
        ("Aa1aaaaaaaaaaaaaaaaaaa ", "sig=", ""),
        ("", "authorization:", ""),
        ("", "authorization:f", ""),
        ("", "\\npassword=abcdefg #", ""),
        ('password: "', "A-", 'A!"'),
        ("api_key: A", "1", "!"),
    ],
)
def test_redaction_does_not_look_at_a_text_again_and_again(prefix, pump, suffix):
    assert grows(redact, pumped(prefix, pump, suffix), 16_384) == ""


@pytest.mark.parametrize(
    ("prefix", "pump"),
    [
        ("<command-message>", "<command-name>"),
        ("<command-message>x<command-name>a</command-name>", "<command-args>"),
        ("", "<system-reminder>"),
    ],
)
def test_a_prompt_is_not_looked_at_again_and_again(prefix, pump):
    assert grows(typed, pumped(prefix, pump, ""), 262_144) == ""


@pytest.mark.parametrize(
    ("prefix", "pump"), [("```", " "), ("```", "a"), ("", "~~~a\n"), ("", "```\n"), ("", "````a`\n~~~\n")]
)
def test_fences_are_looked_for_once(prefix, pump):
    assert grows(lambda text: list(blocks(text)), pumped(prefix, pump, ""), 65_536) == ""


@pytest.mark.parametrize(
    ("work", "prefix", "pump", "suffix"),
    [
        (unframed, "<", " ", "x"),
        (visible, "", "\x9d", "x"),
        (visible, "", "\x1b]", "x"),
        (lambda text: list(sentences(text)), "a", " ", "a"),
        (runs.__wrapped__, "", "<<a ", ""),
        (runs.__wrapped__, "", "<<a\n", "b"),
        (problem_of, "", "Aa", ""),
        (problem_of, "", "E", "a"),
    ],
)
def test_what_was_said_is_looked_through_once(work, prefix, pump, suffix):
    assert grows(work, pumped(prefix, pump, suffix), 32_768) == ""


@pytest.mark.slow
def test_no_other_pattern_that_searches_takes_the_square_of_what_it_repeats():
    """Those that only match a whole name or a line from its start are given short ones, or are tried above with what uses them."""
    searching = used_to_search()
    assert len(searching) > 100
    slow = {
        name for name, pattern in searching.items() if any(_searches_on(pattern, *pump) for pump in pumps_of(pattern))
    }
    assert slow - GIVEN_SHORT_TEXTS == set()
    assert searching.keys() >= GIVEN_SHORT_TEXTS


@pytest.mark.slow
def test_no_pattern_of_redaction_doubles_with_each_character():
    slow = [
        f"{name}: {prefix!r} {pump!r}"
        for name, pattern in patterns().items()
        for prefix, pump in pumps_of(pattern)
        for judge in [pattern.fullmatch if name.startswith("secret_values") else pattern.search]
        if any(cpu(judge, prefix + pump * count + "\0") > EXPONENTIAL for count in (10, 15, 20, 25, 30))
    ]
    assert slow == []


@pytest.mark.slow
def test_no_pattern_of_redaction_takes_the_square_of_what_it_repeats():
    pumps = {pump for pattern in patterns().values() for pump in pumps_of(pattern)}
    assert len(pumps) > 500
    assert _superlinear(redact, [(GATE + prefix, pump) for prefix, pump in sorted(pumps)]) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "work"),
    [("redactor", redact), ("transcripts", parsed), ("transcripts", typed)],
    ids=["redact", "parse", "typed"],
)
def test_no_row_of_ingredients_takes_the_square_of_its_length(name, work):
    words = [word.decode("utf-8", "ignore") for word in load(name).INGREDIENTS]
    chance = random.Random(8)
    rows = ["".join(chance.choices(words, k=chance.randrange(1, 5))) for _ in range(250)]
    assert _superlinear(work, [("", row) for row in [*words, *rows] if row]) == []


@pytest.mark.slow
@pytest.mark.parametrize("pump", load("lines").INGREDIENTS)
def test_a_stream_is_cut_into_lines_in_one_pass(pump):
    assert grows(cut_into_lines, lambda size: pump * (size // len(pump)), 262_144) == ""


def _superlinear(work, cases) -> list[str]:
    """Looks at every case in short, and longer at those that seem to grow."""
    found = []
    for prefix, pump in cases:
        make = pumped(prefix, pump, "\0")
        if _suspect(work, make) and (why := grows(work, make, 131_072)):
            found.append(f"{prefix[-20:]!r} {pump!r}: {why}")
    return found


def _searches_on(pattern, prefix, pump) -> bool:
    make = pumped(prefix, pump, "\0")
    return all(_suspect(lambda text: sum(1 for _ in pattern.finditer(text)), make, (1_000, 4_000)) for _ in range(3))


def _suspect(work, make, sizes=SCREENED) -> bool:
    before, after = (cpu(work, make(size)) for size in sizes)
    return after > 0.003 and after > SUSPECT * before
