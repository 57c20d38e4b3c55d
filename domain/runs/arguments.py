"""What a caller may ask a runner for: a closed set, and for everything else the call that would be right."""

import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.quality_runner import Command, Option, Options

MOST_ARGUMENTS = 50
MOST_WORKERS = 64

_MEANT = {
    Command.TEST: ("-t", "--run-tests", "--test", "--tests", "run-tests", "tests", "pytest"),
    Command.LINT: ("-f", "--fast", "--lint", "ruff", "fast"),
    Command.CHECK: ("-c", "--comp", "--check", "types", "type", "typecheck", "mypy", "pyright", "comp"),
    Command.FORMAT: ("--format", "fmt"),
    Command.SECURITY: ("--security", "bandit"),
    Command.COMPLEXITY: ("--complexity", "complexipy", "radon"),
    Command.ALL: ("-a", "--all", "run", "everything", "crackerjack"),
}
"""What people and models write instead of a command."""
_AI = ("--ai-fix", "--ai-agent", "--ai-debug", "--ai")
_FLAGS = {
    "--changed-only": Option.CHANGED_ONLY,
    "--fail-fast": Option.FAIL_FAST,
    "-x": Option.FAIL_FAST,
    "--exitfirst": Option.FAIL_FAST,
}
_WORKERS = ("--workers", "--test-workers", "-n")


def command_of(text: str, args: str = "") -> Command:
    """Raises Invalid, with the call that was meant, for what is no command.

    >>> command_of("--ai-fix -t")
    Traceback (most recent call last):
        ...
    session_mgmt_mcp.ports.errors.Invalid: command: '--ai-fix -t' holds flags; call it with command="test", ai_agent_mode=true.
    """
    said = text.strip()
    if said in tuple(Command):
        return Command(said)
    words = said.replace("/", " ").split()
    meant = next((command for word in words for command in Command if _means(word, command)), None)
    fault = "holds flags" if any(word.startswith("-") for word in words) else "is no command"
    if meant is None and any(word in _AI for word in words):
        meant = Command.ALL
    if meant is None:
        raise Invalid(f"command: {said[:80]!r} {fault}; give one of {', '.join(Command)}.")
    kept = f', args="{args.strip()}"' if args.strip() and not _asks_for_ai(args) else ""
    mends = ", ai_agent_mode=true" if any(word in _AI for word in words) or _asks_for_ai(args) else ""
    raise Invalid(f'command: {said[:80]!r} {fault}; call it with command="{meant}"{kept}{mends}.')


def options_of(args: str, folder: Path) -> Options:
    """What `args` ask for; paths are from `folder` and must lie in it. Raises Invalid for anything else.

    >>> options_of("--fail-fast tests/test_cart.py", Path("/home/you/shop"))
    Options(changed_only=False, fail_fast=True, workers=None, paths=('tests/test_cart.py',))
    """
    words = _split(args)
    if any(word in _AI for word in words):
        rest = shlex.join(word for word in words if word not in _AI)
        raise Invalid(f'args: {_AI[0]} is no argument; call it with args="{rest}", ai_agent_mode=true.')
    flags: set[Option] = set()
    workers: int | None = None
    paths: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            flags.add(_FLAGS[word])
        elif name in _WORKERS:
            workers = _count(value if equals else waiting.pop(0) if waiting else "")
        elif (command := next((one for one in Command if word in _MEANT[one]), None)) and word.startswith("-"):
            raise Invalid(f'args: {word} is a command; call it with command="{command}".')
        elif word.startswith("-"):
            known = ", ".join((*dict.fromkeys(_FLAGS), "--workers N"))
            raise Invalid(f"args: {word[:80]} is not known; give {known}, or files and folders of the project.")
        else:
            paths.append(_path(word, folder))
    return Options(Option.CHANGED_ONLY in flags, Option.FAIL_FAST in flags, workers, tuple(dict.fromkeys(paths)))


def _means(word: str, command: Command) -> bool:
    return word.lower() == command or word.lower() in _MEANT[command]


def _asks_for_ai(args: str) -> bool:
    return any(word in _AI for word in args.split())


def _split(args: str) -> Sequence[str]:
    try:
        words = shlex.split(args)
    except ValueError:
        raise Invalid("args: a quote is not closed; give words as in a shell, without any of its operators.") from None
    if len(words) > MOST_ARGUMENTS:
        raise Invalid(f"args: {len(words)} words; give at most {MOST_ARGUMENTS}.")
    return words


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_WORKERS):
        raise Invalid(f"args: --workers {text[:20]!r}; give a number from 1 to {MOST_WORKERS}.")
    return int(text)


def _path(word: str, folder: Path) -> str:
    """From `folder`, with `/`; behind `::` the name of a test is kept as it is."""
    file, mark, test = word.partition("::")
    if "\0" in word or not file:
        raise Invalid(f"args: {word[:80]!r} names no file.")
    try:
        real = (folder / file).resolve()
    except (OSError, RuntimeError):
        raise Invalid(f"args: {file[:200]} cannot be read; name a file of the project.") from None
    top = folder.resolve()
    if not real.is_relative_to(top):
        raise Invalid(f"args: {file[:200]} lies outside of {top}; name a file of the project.")
    if not real.exists():
        raise Invalid(f"args: there is no {file[:200]} in {top}; name a file that exists.")
    return f"{PurePosixPath(real.relative_to(top))}{mark}{test}"
