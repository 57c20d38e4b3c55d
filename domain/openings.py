"""What somebody wants to be reminded of when they open a project or start a session."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opening:
    """When a session starts in that project, as it was named; "" is the project of the reminder. `again`: each time."""

    project: str
    again: bool
    how: str


_AGAIN = r"every time|each time|whenever|any time|always when"
_WHEN = re.compile(
    rf"(?:(?P<again>{_AGAIN})|when|once|as soon as|if|(?:the )?next time|on) (?:that )?(?:(?:i|we) ?)?(?:next |again )?"
    r"(?:am |'m |'re |are )?(?:open|opening|start|starting|enter|return to|returning to|switch to|go (?:back )?to|come back to|"
    r"back in|in|work on|working on|work in|resume)(?: work(?:ing)? (?:on|in))?(?: (?P<what>.+?))?(?: again| next)?",
    re.IGNORECASE,
)
_IS_OPENED = re.compile(
    rf"(?:(?P<again>{_AGAIN})|when|once|as soon as) (?P<what>.+?) (?:is opened|opens|is open)", re.IGNORECASE
)
_SESSION = re.compile(
    r"(?:(?:a|my|the|this|another|next|new|a new|the next) )*(?:claude(?: code)?(?: session)?|coding session|session|work)",
    re.IGNORECASE,
)
_NEXT_SESSION = re.compile(
    r"(?:(?:at|on|in) )?(?:the )?(?:(?P<again>each|every) (?:new )?session(?: start)?|(?:start of (?:the )?)?next session|session start)",
    re.IGNORECASE,
)
_HERE = re.compile(r"(?:(?:this|the|my|current|it) ?)*(?:project|repo|repository|folder|here)?", re.IGNORECASE)


def opening_of(text: str) -> Opening | None:
    """What `text`, as it was typed, waits for; None for what is no opening.

    >>> opening_of("whenever I open project Shop").project
    'Shop'
    """
    if match := _NEXT_SESSION.fullmatch(text):
        return _opened("", bool(match["again"]))
    if not (match := _WHEN.fullmatch(text) or _IS_OPENED.fullmatch(text)):
        return None
    what = (match["what"] or "").strip("\"'` ")
    if _SESSION.fullmatch(what) or (_HERE.fullmatch(what) and what):
        return _opened("", bool(match["again"]))
    name = re.sub(
        r"^(?:(?:the|my) )?(?:project|repo|repository|folder)(?: (?:called|named))? ", "", what, flags=re.IGNORECASE
    )
    name = re.sub(r" (?:project|repo|repository|folder)$", "", name, flags=re.IGNORECASE)
    name = re.sub(r"^(?:the|my) ", "", name, flags=re.IGNORECASE).strip("\"'` ")
    return _opened(name, bool(match["again"])) if name else None


def _opened(project: str, again: bool) -> Opening:
    when = "whenever a session starts" if again else "when the next session starts"
    return Opening(project, again, f"{when} in the project {project}" if project else f"{when} in this project")
