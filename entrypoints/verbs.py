"""What the command line asks of a hub: one function a verb, JSON in, JSON out."""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from session_mgmt_mcp import backing_up, exporting, health, moving, recall, tool_calls, upkeep
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.access_tokens import Token, lifetime
from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.memories import NAMED_KINDS, Kind
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Record

Arguments: TypeAlias = Mapping[str, Any]
Progress: TypeAlias = Callable[[dict[str, Any]], None]
Verb: TypeAlias = Callable[[Application, Arguments, Progress], Awaitable[dict[str, Any]]]


async def search(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """query, project?, limit?, kind?, min_score? -> {"hits": [...], "total", "note"}"""
    kinds = (_kind(args["kind"]),) if args.get("kind") else None
    asked = recall.Question(
        str(args["query"]), args.get("project"), args.get("limit"), args.get("min_score"), kinds=kinds
    )
    result = await recall.search(app, asked)
    return {"hits": [_hit(found) for found in result.hits], "total": result.total, "note": result.note}


async def show(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """id, around? -> {"memories": [...]}"""
    records = await app.memory.show(str(args["id"]), int(args.get("around") or 0))
    return {"memories": [_memory(record) for record in records]}


async def import_transcripts(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """paths?, wait? -> what was taken in; with wait, after every memory has its vector"""
    roots = [Path(p) for p in args.get("paths") or [app.settings.transcripts_dir.expanduser()]]
    missing = [str(root) for root in roots if not root.exists()]
    if missing:
        raise Invalid(f"There is nothing at {missing[0]}: name a transcript, or a folder of transcripts.")
    report = await app.capture.import_paths(roots, lambda now: progress({"phase": "read", **asdict(now)}))
    reply = {**asdict(report), "skipped": dict(report.skipped)}
    if args.get("wait"):
        vectors = await app.embedding.wait_idle(lambda now: progress({"phase": "vectors", **asdict(now)}))
        reply["vector_problem"] = vectors.problem
    return reply


async def stats(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """-> counts, sizes, model, how far the vectors are"""
    found = await upkeep.statistics(app)
    return {**found, "last_import": found["last_import"].isoformat() if found["last_import"] else None}


async def backup(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """file -> {"file", "records", "documents", "bytes"}"""
    return {**await backing_up.backup(app, Path(str(args["file"])))}


async def export(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """file, project? -> {"file", "records", "bytes"}"""

    def moved(done: int, total: int) -> None:
        progress({"phase": "export", "done": done, "total": total})

    return {**await exporting.export(app, Path(str(args["file"])), args.get("project"), moved)}


async def scrub(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """dry_run? -> {"found": {kind: n}}: secrets in what was stored before their pattern was known"""
    found = await app.memory.scrub(
        lambda done, total: progress({"phase": "scrub", "done": done, "total": total}), bool(args.get("dry_run"))
    )
    return {"found": dict(found), "dry_run": bool(args.get("dry_run"))}


async def checks(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """-> {"checks": [{"name","state","advice"}], "pid"}"""
    return {"checks": [asdict(check) for check in await health.checks(app)], "pid": os.getpid()}


async def create_token(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """user, role, expires, name -> the token, this once, and what is known of it"""
    made, secret = await app.tokens.create(
        str(args["user"]), Role(str(args["role"])), lifetime(str(args["expires"])), str(args.get("name") or "")
    )
    return {"token": secret, **_token(app, made)}


async def list_tokens(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """-> {"tokens": [...]}"""
    return {"tokens": [_token(app, token) for token in await app.tokens.list()]}


async def revoke_token(app: Application, args: Arguments, progress: Progress) -> dict[str, Any]:
    """id -> {"revoked", "user"}"""
    gone = await app.tokens.revoke(str(args["id"]))
    return {"revoked": gone.id, "user": gone.user}


VERBS: dict[str, Verb] = {
    "token.create": create_token,
    "token.list": list_tokens,
    "token.revoke": revoke_token,
    "search": search,
    "show": show,
    "import": import_transcripts,
    "stats": stats,
    "backup": backup,
    "export": export,
    "scrub": scrub,
    "checks": checks,
    "call": tool_calls.call,
    "migrate": moving.migrate,
}


def _kind(name: object) -> Kind:
    if name not in NAMED_KINDS:
        raise Invalid(f"{name} is no kind of memory: give one of {', '.join(NAMED_KINDS)}.")
    return Kind(str(name))


def _hit(found: Found) -> dict[str, Any]:
    record = found.record
    return {
        "id": record.id,
        "score": round(found.score, 4),
        "kind": record.kind,
        "project": record.project,
        "session_id": record.session,
        "time": record.time.isoformat(),
        "role": record.role,
        "snippet": found.snippet,
    }


def _memory(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "project": record.project,
        "session_id": record.session,
        "time": record.time.isoformat(),
        "role": record.role,
        "position": record.position,
        "tags": list(record.tags),
        "text": record.text,
        "metadata": dict(record.metadata),
    }


def _token(app: Application, token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user,
        "role": str(token.role),
        "name": token.name,
        "created": token.created.isoformat(),
        "expires": token.expires.isoformat() if token.expires else None,
        "used": token.used.isoformat() if token.used else None,
        "valid": token.holds(datetime.now(UTC)),
    }
