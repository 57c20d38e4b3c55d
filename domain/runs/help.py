"""What can be run in a project, told from what its runners were found to offer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.quality_runner import Capabilities, Command, Offer, Option


class Topic(StrEnum):
    """What can be asked about."""

    OVERVIEW = "overview"
    TEST = "test"
    LINT = "lint"
    CHECK = "check"
    FORMAT = "format"
    SECURITY = "security"
    COMPLEXITY = "complexity"
    ALL = "all"
    ARGS = "args"
    AI = "ai_agent_mode"
    INSTALL = "install"


@dataclass(frozen=True, slots=True)
class Help:
    """`text` in Markdown."""

    summary: str
    text: str


MEANING: Mapping[Command, str] = {
    Command.TEST: "runs the tests, with coverage where it is measured",
    Command.LINT: "looks for faults by the linter's rules",
    Command.CHECK: "checks the types",
    Command.FORMAT: "brings the files into their form",
    Command.SECURITY: "looks for insecure code",
    Command.COMPLEXITY: "measures how complex the functions are",
    Command.ALL: "does all of it",
}
_WRITTEN: Mapping[Option, str] = {
    Option.CHANGED_ONLY: "`--changed-only`: only files that differ from HEAD",
    Option.FAIL_FAST: "`--fail-fast`: stop at the first test that fails",
    Option.WORKERS: "`--workers N`: N processes side by side",
    Option.PATHS: "files and folders of the project, of tests also `tests/test_cart.py::test_total`",
}


def help_of(topic: Topic | None, runners: Sequence[Capabilities | Unavailable]) -> Help:
    """Nothing is promised that no runner was found to offer.

    >>> help_of(Topic.ARGS, [capabilities]).text.splitlines()[2]
    '- test: `--fail-fast`: stop at the first test that fails'
    """
    there = [one for one in runners if isinstance(one, Capabilities)]
    match topic or Topic.OVERVIEW:
        case Topic.OVERVIEW:
            lines = [line for one in there for line in _overview(one)]
        case Topic.ARGS:
            lines = [line for one in there for line in (_title(one), *_arguments(one))]
        case Topic.AI:
            lines = [f"- {one.runner} {one.version}: {_ai(one)}" for one in there]
        case Topic.INSTALL:
            lines = [f"- {line}" for line in _absent(runners)] or ["Nothing is lacking."]
        case asked:
            command = Command(asked.value)
            lines = [line for one in there for line in _command(one, command)]
    if not there and topic is not Topic.INSTALL:
        lines = ["No runner is there.", *(f"- {line}" for line in _absent(runners))]
    names = " and ".join(f"{one.runner} {one.version}" for one in there) or "no runner"
    return Help(f"{topic or Topic.OVERVIEW}, by {names}.", "\n".join(lines))


def _overview(one: Capabilities) -> list[str]:
    rows = [
        f'- `crackerjack_run(command="{command}")` {MEANING[command]}: {", ".join(offer.steps)}'
        f"{' (rewrites files: needs the grant quality_fix)' if offer.rewrites else ''}"
        for command, offer in one.commands.items()
    ]
    lacking = [f"- not here: {line}" for line in one.lacking]
    return [_title(one), *rows, *lacking]


def _command(one: Capabilities, command: Command) -> list[str]:
    offer = one.commands.get(command)
    if offer is None:
        return [_title(one), f"- cannot {command} here", *(f"- {line}" for line in one.lacking)]
    rewrites = ["- it rewrites files: needs the grant quality_fix"] if offer.rewrites else []
    asked = [f"- args: {_WRITTEN[option]}" for option in Option if option in one.options.get(command, ())]
    return [_title(one), f"- {command} {MEANING[command]}: {_steps(offer)}", *rewrites, *asked]


def _steps(offer: Offer) -> str:
    return ", ".join(offer.steps) or "nothing, since its tools are not installed"


def _arguments(one: Capabilities) -> list[str]:
    return [
        f"- {command}: {'; '.join(_WRITTEN[option] for option in Option if option in options) or 'takes none'}"
        for command, options in ((command, one.options.get(command, frozenset())) for command in one.commands)
    ]


def _ai(one: Capabilities) -> str:
    return (
        "`ai_agent_mode=true` has it mend what it finds; needs the grant quality_fix" if one.ai_agent else "offers none"
    )


def _absent(runners: Sequence[Capabilities | Unavailable]) -> list[str]:
    return [line for one in runners for line in (one.lacking if isinstance(one, Capabilities) else [str(one)])]


def _title(one: Capabilities) -> str:
    return f"## {one.runner} {one.version} ({one.interpreter})"
