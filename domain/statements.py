"""What people and the assistant stated in a session: decisions, conventions, gotchas, causes. Quoted, never worded anew."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.sentences import sentences
from session_mgmt_mcp.domain.terms import fold, words_of
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.vector_store import Record

SHORTEST, LONGEST = 20, 320  # characters of a sentence
READ = 20_000  # characters of one turn
CONSIDERED = 200  # of one session
SAME = 0.6  # share of words in common (Jaccard) above which two sentences say the same


class Category(StrEnum):
    """What a statement is worth remembering as."""

    DECISION = "decision"
    FIX = "fix"  # what was wrong, or what ended an error
    CONVENTION = "convention"
    GOTCHA = "gotcha"


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a turn as it stands there; `ref` is the turn's memory."""

    category: Category
    text: str
    role: str
    time: datetime
    ref: str
    weight: int = 0  # how sure it is that this is one


_CHOOSING = (
    r"(?:use|using|used|keep|keeping|kept|switch(?:ed|ing)? to|chang(?:e|ed|ing)|replac(?:e|ed|ing)|mov(?:e|ed|ing)"
    r"|prefer(?:red)?|stor(?:e|ed|ing)|go(?:ing)? with|went with|set(?:ting)?|mak(?:e|ing)|made|drop(?:ped|ping)?|remov(?:e|ed|ing))"
)
_WE = r"(?:we|i|let'?s|let us)(?:'ll|'d|'re|'m| will| should| shall| are| am| have| would)?"
_CUES: Mapping[Category, Sequence[tuple[int, str]]] = {
    Category.DECISION: (
        (4, r"\b(?:decided (?:to|on|that|against)|decision(?: is|:)|agreed (?:to|on|that)|settled on|opted (?:for|to))\b"),
        (4, rf"\b{_WE} (?:want to|prefer to|rather) (?:use|keep|replace|switch|drop|move|store|avoid|stay)\b"),
        (3, rf"\b{_WE} (?:chose|choose|picked|go(?:ing)? with|went with|stick(?:ing)? (?:with|to)|not going to)\b"),
        (3, r"^(?:ok(?:ay)?,? |yes,? |so,? |now,? )?let'?s (?:use|keep|go with|switch to|drop|stay with|not)\b"),
        (3, rf"\b{_WE}(?: now)? (?:use|keep|replacing|using|switch to|store) .{{3,160}}\b(?:instead of|rather than|because|so that)\b"),
        (2, rf"^(?:\W*|.{{0,40}}\b){_CHOOSING} .{{3,160}}\b(?:instead of|rather than)\b"),
    ),
    Category.FIX: (
        (4, r"\broot cause(?: is| was|:)"),
        (3, r"\bthe (?:actual |real |underlying )?(?:issue|problem|bug|culprit|cause|reason) (?:is|was|turned out to be)\b"),
        (3, r"\b(?:fail(?:s|ed|ing)?|broke|crash(?:es|ed)|breaks) (?:because|since|as|due to)\b"),
        (3, r"\b(?:fixed|solved|resolved) (?:it |this |that )?by\b"),
        (2, r"\bbecause\b.{3,160}\b(?:never|was not|wasn't|did not|didn't|is not|isn't|does not|doesn't|missing|wrong|stale)\b"),
    ),
    Category.CONVENTION: (
        (4, r"^(?:please,? )?(?:always|never) (?!used\b|mind\b|know\b|again\b)[a-z]+"),
        (4, r"\bfrom now on\b"),
        (4, r"\b(?:we|you|you should|they|it should|must|should) (?:always|never) (?!used\b|know\b|see\b)[a-z]+"),
        (3, r"\b(?:convention|house rule|our rule|guideline)s?\b.{0,60}\b(?:is|are|says?|wants?|requires?|that|for|:)"),
        (2, r"\b(?:following|per|by) (?:the |our |standard |established )?[\w.\s-]{0,30}\b(?:convention|pattern)s?\b"),
    ),
    Category.GOTCHA: (
        (4, r"\b(?:gotcha|beware|caveat|pitfall|be careful (?:with|not|when)|watch out)\b"),
        (3, r"^(?:important(?:ly)?:? |please )?note(?: that|:)"),
        (3, r"\b(?:turns|turned) out\b"),
        (3, r"\bsilently (?:fail|drop|ignor|skip|los|swallow|return|discard|overwrit|accept|do)\w*"),
        (3, r"\bactually (?:inherits?|means?|runs?|returns?|requires?|needs?)\b"),
        (2, r"\bonly works? (?:if|when|with|on|for)\b|\b(?:doesn't|does not|won't|will not) work (?:if|when|unless|without|on|with)\b"),
    ),
}  # fmt: skip
_PATTERNS = [
    (category, weight, re.compile(pattern, re.IGNORECASE))
    for category, cues in _CUES.items()
    for weight, pattern in cues
]
_REASON = re.compile(r"\b(?:because|since|so that|in order to|otherwise)\b", re.IGNORECASE)
_NO_STATEMENT = re.compile(r"\?$|:$|^\||^[+@]{2}|^\[|^(?:let me|now let me|i'll check|i need to)\b", re.IGNORECASE)
_TESTING = re.compile(r"\b(?:expect(?:s|ed|ing)?|assert\w*|should not contain|ends? with)\b", re.IGNORECASE)
_NOT_TYPED = ("[Request interrupted by user", "Operation stopped by hook:")


def is_prompt(record: Record) -> bool:
    """Whether a person said it to the assistant of the main conversation."""
    typed = record.role == "user" and record.kind == Kind.TURN and not record.metadata.get("agent")
    return typed and not record.text.startswith(_NOT_TYPED)


def is_said(record: Record) -> bool:
    """Whether somebody said it in the main conversation."""
    if record.kind != Kind.TURN or record.metadata.get("agent"):
        return False
    return record.role == "assistant" or is_prompt(record)


def statements(records: Sequence[Record]) -> list[Statement]:
    """What the main conversation stated, the surest first, of the same sureness the latest; nothing twice."""
    found: dict[str, Statement] = {}
    for record in records:
        if is_said(record):
            for text in sentences(record.text[:READ]):
                statement = _statement(record, text)
                if statement is not None:
                    found.setdefault(content_hash(text), statement)
    surest = sorted(found.values(), key=lambda one: (-one.weight, -one.time.timestamp(), one.ref, one.text))
    return _different(surest[:CONSIDERED])


def _different(some: Sequence[Statement]) -> list[Statement]:
    """Without those that say in nearly the same words what a surer one says."""
    kept: list[Statement] = []
    heard: list[frozenset[str]] = []
    for statement in some:
        words = frozenset(fold(word) for run in words_of(statement.text) for word in run)
        if all(len(words & other) <= SAME * len(words | other) for other in heard):
            kept.append(statement)
            heard.append(words)
    return kept


def _statement(record: Record, text: str) -> Statement | None:
    if not SHORTEST <= len(text) <= LONGEST or _NO_STATEMENT.search(text) or "[redacted:" in text:
        return None
    fitting = [(weight, category) for category, weight, pattern in _PATTERNS if pattern.search(text)]
    if not fitting:
        return None
    weight, category = max(fitting, key=lambda one: one[0])
    if category is Category.DECISION and weight < 4 and _TESTING.search(text):
        return None
    weight += (record.role == "user") * 2 + bool(_REASON.search(text))
    return Statement(category, text, record.role, record.time, record.id, weight)
