"""What of a prompt a person typed: the client adds notes of its own to the same lines."""

import re

_NOTES = re.compile(r"<(system-reminder|ide_opened_file)>.*?(?:</\1>|\Z)", re.DOTALL)
_SKIPPED = (
    ("<command-name>", "client command"),
    ("<local-command-", "output of a client command"),
    ("<bash-stdout>", "output of a client command"),
    ("<bash-stderr>", "output of a client command"),
    ("<task-notification>", "task notification"),
)
_OWN_COMMAND = re.compile(r"(?><command-message>.*?<command-name>)(?P<name>.*?)</command-name>", re.DOTALL)


def without_notes(text: str) -> str:
    return _NOTES.sub("", text).strip() if "<" in text else text.strip()


def typed(text: str) -> tuple[str, str]:
    """The person's words, or nothing and the reason."""
    words = without_notes(text)
    if not words:
        return "", "client note" if text.strip() else "empty text"
    if words.startswith("<command-message>"):
        return _own_command(words)
    for start, reason in _SKIPPED:
        if words.startswith(start):
            return "", reason
    return words, ""


def _own_command(words: str) -> tuple[str, str]:
    """A prompt stored by the user under a name: what was typed behind it counts."""
    command = _OWN_COMMAND.match(words)
    said = words.partition("<command-args>")[2].rpartition("</command-args>")[0].strip()
    if command is None or not said:
        return "", "client command"
    return f"{command['name'].strip()} {said}", ""
