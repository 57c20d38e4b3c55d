"""How answers look: JSON for programs, a page for people. Progress goes to stderr, so that output can be piped."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Answer = Mapping[str, Any]

_MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
_PHASES = {
    "read": "reading",
    "vectors": "making vectors",
    "scrub": "scrubbing",
    "export": "writing",
    "copy": "copying",
    "verify": "comparing",
}


def show_hits(found: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(found)
    console = _console()
    for hit in found["hits"]:
        head = f"[bold]{hit['score']:.2f}[/] {hit['kind']} {escape(hit['role'])} [dim]{hit['time'][:16]}[/]"
        console.print(f"{head} {escape(hit['project'])} [cyan]{hit['id']}[/]")
        console.print(f"  {escape(hit['snippet'])}")
    if not found["hits"]:
        console.print("Nothing is remembered about that here; --project '*' searches all projects.")
    if found.get("note"):
        console.print(f"[dim]{escape(found['note'])}[/]")
    return None


def show_memories(found: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(found)
    console = _console()
    for memory in found["memories"]:
        head = f"[bold]{escape(memory['role'] or memory['kind'])}[/] [dim]{memory['time'][:16]}[/]"
        console.print(f"{head} {escape(memory['project'])} [cyan]{memory['id']}[/]")
        console.print(escape(memory["text"]))
        console.print()
    return None


def show_import(report: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(report)
    return _facts(report)


def show_scrubbed(report: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(report)
    found = ", ".join(f"{count} {kind}" for kind, count in report["found"].items()) or "No secrets"
    _console().print(f"{found} {'would be taken out' if report['dry_run'] else 'taken out'}.")
    return None


def show_changes(report: Answer, as_json: bool) -> None:
    """What setup or uninstall did; the diff itself stood on the page before the question."""
    if as_json:
        return _print_json(report)
    console = _console()
    if not report["changes"] and not report.get("removed"):
        console.print("Nothing to do.")
    elif not report["applied"]:
        console.print("Nothing was changed.")
    else:
        console.print("Done.")
    for note in report["notes"]:
        console.print(escape(note))
    return None


def show_checks(report: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(report)
    console = _console()
    for done in report["fixed"]:
        console.print(f"[green]fixed[/] {escape(done)}")
    for check in report["checks"]:
        console.print(f"{_MARKS[check['state']]} [bold]{escape(check['name'])}[/] {escape(check['advice'])}")
    return None


def show_answer(answer: Answer, as_json: bool) -> None:
    """A tool's: its summary in words, and the rest as JSON."""
    rest = {name: value for name, value in answer.items() if value not in (None, "", [], {})}
    if not as_json and "summary" in rest:
        _console().print(escape(str(rest.pop("summary"))))
    _print_json(answer if as_json else rest)


def show_token(made: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(made)
    print(made["token"])
    until = f"until {made['expires'][:10]}" if made["expires"] else "until it is revoked"
    Console(stderr=True).print(
        f"This is the only time it is shown. It lets {escape(made['user'])} in as {made['role']} {until}; "
        f"`token revoke {made['id']}` takes it back."
    )
    return None


def show_tokens(found: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(found)
    console = _console()
    for one in found["tokens"]:
        ends = f"until {one['expires'][:10]}" if one["expires"] else "for good"
        state = ends if one["valid"] else "[red]expired[/]"
        used = f"used {one['used'][:13]}h" if one["used"] else "never used"
        name = f" {escape(one['name'])}" if one["name"] else ""
        console.print(
            f"[cyan]{one['id']}[/] [bold]{escape(one['user'])}[/] {one['role']}{name} [dim]{state}, {used}[/]"
        )
    if not found["tokens"]:
        console.print("There are no tokens; `token create USER` makes one.")
    return None


def show_facts(report: Answer, as_json: bool) -> None:
    if as_json:
        return _print_json(report)
    return _facts(report)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[dict[str, Any]], None]]:
    """A bar for each phase, drawn only where somebody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {phase: bars.add_task(name, start=False, visible=False) for phase, name in _PHASES.items()}

        def moved(now: dict[str, Any]) -> None:
            done, total = _extent(now)
            bars.start_task(tasks[now["phase"]])
            bars.update(tasks[now["phase"]], completed=done, total=total, visible=True)

        yield moved


def _extent(now: Mapping[str, Any]) -> tuple[int, int]:
    match now["phase"]:
        case "read":
            return now["bytes_done"], now["bytes_total"]
        case "vectors":
            return now["done"], now["done"] + now["pending"]
        case _:
            return now["done"], now["total"]


def _facts(report: Answer) -> None:
    console = _console()
    for name, value in report.items():
        if value not in (None, "", {}, []):
            console.print(f"[dim]{name.replace('_', ' ')}[/] {escape(str(value))}")


def _print_json(report: Answer) -> None:
    print(json.dumps(report, ensure_ascii=False, indent=2))


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
