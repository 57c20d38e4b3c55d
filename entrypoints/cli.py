"""The command line: one function a verb. What needs more stands in a file of its own subject."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from session_mgmt_mcp import asking, installing, rendering
from session_mgmt_mcp.adapters.claude_code.settings import PROGRAM, Scope
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.failures import log_to_file, one_sentence
from session_mgmt_mcp.llm.vendors import Vendor

app = typer.Typer(
    name=PROGRAM,
    help="A local memory for Claude Code. Without a verb this is the MCP server that Claude Code starts.",
    epilog="With --debug, the log holds the whole story of a failure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
hub = typer.Typer(help="The one background process of a data directory.", no_args_is_help=True)
app.add_typer(hub, name="hub")
token = typer.Typer(help="What lets a client in over HTTP.", no_args_is_help=True)
app.add_typer(token, name="token")

PORT = 8737  # in docs/http.md, too

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and change nothing.")]
ScopeOption = Annotated[Scope, typer.Option(help="For all your projects, or for the one in this folder.")]


@app.command()
def setup(
    scope: ScopeOption = "user",
    with_shortcuts: Annotated[
        bool | None,
        typer.Option(
            "--shortcuts/--no-shortcuts", help="The commands /start, /checkpoint and /end, too; else you are asked."
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Register the server and the hooks with Claude Code."""
    rendering.show_changes(installing.setup(scope, dry_run, yes, as_json, with_shortcuts), as_json)


@app.command()
def uninstall(
    purge: Annotated[bool, typer.Option("--purge", help="Take the memories away as well.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Leave Claude Code, stop the hub, and leave nothing of ours behind but the data."""
    rendering.show_changes(installing.uninstall(purge, dry_run, yes, as_json), as_json)


@app.command("import")
def import_(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH", show_default=False)] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when every memory has its vector.")] = False,
    as_json: Json = False,
) -> None:
    """Take in transcripts: those of Claude Code, or the files and folders named."""
    with rendering.progress() as moved:
        report = asking.ask("import", {"paths": _absolute(paths or []), "wait": wait}, moved)
    rendering.show_import(report, as_json)


@app.command()
def search(
    query: str,
    project: Annotated[str | None, typer.Option(help="Another project, or * for all.", show_default="this one")] = None,
    limit: Annotated[int | None, typer.Option(min=1, max=50, help="How many hits.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only reflection, turn, action, checkpoint, ...")] = None,
    as_json: Json = False,
) -> None:
    """Search everything remembered, by meaning and by word."""
    asked = {"query": query, "project": project, "limit": limit, "kind": kind}
    rendering.show_hits(asking.ask("search", asked), as_json)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="The id of a hit.")],
    around: Annotated[int, typer.Option(min=0, max=100, help="So many neighbours each side.")] = 0,
    as_json: Json = False,
) -> None:
    """Show one memory whole, and what was said around it."""
    rendering.show_memories(asking.ask("show", {"id": id, "around": around}), as_json)


@app.command()
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Check the whole installation and say what to do."""
    from session_mgmt_mcp import doctor as checkup

    found = checkup.examine(fix)
    rendering.show_checks(found, as_json)
    raise typer.Exit(1 if any(check["state"] == "fail" for check in found["checks"]) else 0)


@hub.command()
def status(as_json: Json = False) -> None:
    """Say whether the hub runs, for how long, and for whom."""
    rendering.show_facts(asking.hub_status(), as_json)


@hub.command()
def stop(as_json: Json = False) -> None:
    """End the hub; the next one who needs it starts it again."""
    rendering.show_facts(asking.hub_stop(), as_json)


@app.command()
def backup(folder: Path, as_json: Json = False) -> None:
    """Write memories, sessions, handoffs, reminders and settings to a new FOLDER while everything goes on."""
    rendering.show_facts(asking.ask("backup", {"file": str(folder.absolute())}), as_json)


@app.command()
def restore(folder: Path, yes: Yes = False, as_json: Json = False) -> None:
    """Put what `backup` wrote in place of what is there, which is kept beside it."""
    from session_mgmt_mcp import restoring

    rendering.show_facts(restoring.restore(folder.absolute(), yes), as_json)


@app.command()
def export(
    file: Path,
    project: Annotated[str | None, typer.Option(help="Only of this project.", show_default="all")] = None,
    as_json: Json = False,
) -> None:
    """Write every memory to a new FILE, one JSON object a line, for other programs to read."""
    with rendering.progress() as moved:
        report = asking.ask("export", {"file": str(file.absolute()), "project": project}, moved)
    rendering.show_facts(report, as_json)


@app.command()
def scrub(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Take secrets out of what was stored before their pattern was known."""
    with rendering.progress() as moved:
        found = asking.ask("scrub", {"dry_run": dry_run}, moved)
    rendering.show_scrubbed(found, as_json)


@app.command()
def migrate(
    to: Annotated[
        str, typer.Argument(help="lancedb, lancedb:FOLDER, lancedb:s3://bucket/prefix, duckdb or duckdb:FILE.")
    ],
    from_: Annotated[
        str | None, typer.Option("--from", help="Another place than where the memories are.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Copy all memories to another store and compare both, record by record; run again, it goes on where it was."""
    with rendering.progress() as moved:
        report = asking.ask("migrate", {"to": _place(to), "from": from_ and _place(from_), "dry_run": dry_run}, moved)
    rendering.show_facts(report, as_json)


@app.command()
def call(
    tool: Annotated[str, typer.Argument(help="A tool's name, as status or create_team.")],
    given: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Call a tool as Claude Code would, and print its answer."""
    rendering.show_answer(asking.call_tool(tool, given or []), as_json)


@app.command("api-key")
def api_key(
    provider: Annotated[Vendor, typer.Argument(help="Whose language models.")],
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The server that it is for.", show_default="the one that is set")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take it out of the keyring.")] = False,
    as_json: Json = False,
) -> None:
    """Put the key of a language model's vendor into the keyring: it is asked for, unseen, or read from stdin."""
    from session_mgmt_mcp.llm import keeping

    done = keeping.forget(provider, base_url) if delete else keeping.keep(provider, keeping.read(provider), base_url)
    rendering.show_facts(done, as_json)


@app.command()
def serve(
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP, for clients that are elsewhere.")] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = PORT,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name that clients call us by.")
    ] = None,
    allow_origin: Annotated[list[str] | None, typer.Option(metavar="URL", help="Whose pages may call.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="A certificate with its chain, as PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, unless that is in the same file.")] = None,
    expose: Annotated[bool, typer.Option("--expose", help="Yes, listen where other machines can reach it.")] = False,
    grace: Annotated[float, typer.Option(min=0, help="Seconds for requests in flight when it ends.")] = 10.0,
    as_json: Json = False,
    lock: Annotated[int | None, typer.Option(hidden=True)] = None,
    indulged: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Serve this memory over HTTP, in the foreground, in place of the hub; local clients go on as before."""
    from session_mgmt_mcp import serving

    if not http:
        raise typer.BadParameter("say --http: that is the only way there is.")
    asked = serving.Asked(
        host, port, tuple(allow_host or ()), tuple(allow_origin or ()), tls_cert, tls_key, expose, grace, as_json
    )
    raise typer.Exit(serving.run(asked, lock, indulged))


@token.command("create")
def token_create(
    user: Annotated[str, typer.Argument(help="Whose it will be.")],
    role: Annotated[Role, typer.Option(help="owner: everything, as if they sat here.")] = Role.MEMBER,
    expires: Annotated[str, typer.Option(metavar="TIME", help="As 12h, 90d, 2w; or never.")] = "90d",
    name: Annotated[str, typer.Option(help="What it is for, for your own list.")] = "",
    as_json: Json = False,
) -> None:
    """Make a token. It is shown once, here, and kept nowhere."""
    asked = {"user": user, "role": str(role), "expires": expires, "name": name}
    rendering.show_token(asking.ask("token.create", asked), as_json)


@token.command("list")
def token_list(as_json: Json = False) -> None:
    """Whose tokens there are, what they may do, and when they were last used."""
    rendering.show_tokens(asking.ask("token.list", {}), as_json)


@token.command("revoke")
def token_revoke(id: Annotated[str, typer.Argument(help="As `token list` names it.")], as_json: Json = False) -> None:
    """Take a token back; it opens nothing from now on."""
    rendering.show_facts(asking.ask("token.revoke", {"id": id}), as_json)


@app.command()
def hook(
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="SessionStart, Stop, ... with the client's JSON on stdin.")
    ],
) -> None:
    """Tell the hub that something happened in Claude Code; always silent."""
    from session_mgmt_mcp import hook as launcher

    raise typer.Exit(launcher.main(event))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb. 0: done, 1: failed, with one sentence on stderr, 2: not understood."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        result: Any = app([word for word in words if word != "--debug"], prog_name=PROGRAM, standalone_mode=False)
    except typer.Abort:
        return _failed("Nothing was changed.", 1)
    except KeyboardInterrupt:
        return _failed("Interrupted.", 130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has what they wanted
        return 0
    except Exception as error:
        if hasattr(error, "format_message"):  # a verb or option that typer does not know
            return _failed(f"{error.format_message()} Try `{PROGRAM} --help`.", 2)
        if debug:
            log_to_file()
            logging.getLogger(PROGRAM).exception("%s failed", words[:1])
        return _failed(one_sentence(error), 1)
    return result if isinstance(result, int) else 0


def _absolute(paths: Sequence[Path]) -> list[str]:
    return [str(path.expanduser().absolute()) for path in paths]


def _place(named: str) -> str:
    """KIND:WHERE as whoever types it means it: the hub is in another folder."""
    kind, _, where = named.partition(":")
    return f"{kind}:{Path(where).expanduser().absolute()}" if where and "://" not in where else named


def _failed(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code
