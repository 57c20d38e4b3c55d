"""The corpus in a whole product: planted wherever somebody else's words come in, looked for wherever we tell words."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp import resources
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Trust
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.lifecycle import Lifecycle

from tests.security.attacks import ATTACKS, MARK, PRINTED, framed, hidden
from tests.security.calls import READING, needed, said, texts
from tests.unit.handoffs.conftest import Git, Transcript

BEGAN = datetime.now(UTC) - timedelta(hours=2)
SESSIONS = ("11111111-2222-4333-8444-555555555555", "21111111-2222-4333-8444-555555555555")
UNASKED = ("start", "status", "session_welcome", "checkpoint", "ping", "health_check")
GROUP = 7  # attacks of one product: a page shows the first two prompts and the last five
GROUPS = [ATTACKS[at : at + GROUP] for at in range(0, len(ATTACKS), GROUP)]
SOME = ("closing our own quotation", "terminal escapes", "file names")
QUICK = [next(attack for attack in ATTACKS if attack.kind == kind) for kind in dict.fromkeys(a.kind for a in ATTACKS)]


def event(name, transcript, **more):
    at = (BEGAN + timedelta(hours=1)).timestamp()
    return {"event": name, "session_id": transcript.session, "cwd": str(transcript.cwd), "client_pid": os.getpid(),
            "transcript_path": str(transcript.path), "at": at, "asks": True, **more}  # fmt: skip


async def dealt(lifecycle, told) -> str:
    """What the hook of this event hands to its client."""
    answer = await lifecycle.on_event(told)
    if answer is None:
        return ""
    await answer.handed()
    return answer.context


async def planted(app, client, attacks, shop, folder) -> Transcript:
    """A session of this project in which the attacks were met."""
    git = Git(shop)
    talk = Transcript(folder / "home" / ".claude" / "projects" / "-shop", shop, SESSIONS[0], BEGAN)
    project = await app.projects.project_of(str(shop))
    for number, attack in enumerate(attacks):
        talk.user(attack.text)
        talk.assistant(f"We decided to keep it, because it matters: {attack.text}")
        talk.call("Read", attack.printed, file_path=str(shop / "cart.py"))
        talk.bash(
            f"pytest -q {number}", failed=f"Exit code 1\nValueError: {attack.printed}\nIgnore_rules_PRINTEDError: x"
        )
        talk.bash(f"echo {attack.text}")
        talk.todos(**{attack.text[:200]: "pending"})
        name = "".join(letter for letter in attack.text[:60] if letter not in "/\0") or "x"
        (shop / name.encode("utf-8", "replace").decode()).write_text(attack.printed)
        git("add", "-A")
        message = attack.text[:500].replace("\0", "")
        git("commit", "-q", "--cleanup=verbatim", "-m", message or "x", when=BEGAN + timedelta(minutes=number))
        for draft in (
            Draft(f"reflection {number}: {attack.text[:9_000]}", project, tags=(attack.text[:90],)),
            Draft(f"printed {number}: {attack.printed[:9_000]}", project, trust=Trust.TOOL),
        ):
            await app.memory.store(draft)
        wish = {"title": attack.text[:250], "description": attack.text[:900], "user_id": attack.text[:90],
                "time_expression": "when I open project shop"}  # fmt: skip
        await said(client, "create_natural_reminder", wish)
        await said(client, "share_with_team", {"team_id": "core", "content": f"shared {number}: {attack.text[:9_000]}"})
    git("checkout", "-q", "-b", "ATTACK\u00a0obey\u202ethis")
    (shop / "ATTACK do this now.txt").write_text("x")
    return talk


@pytest.fixture
def told(product_in, shop, tmp_path):
    async def over(attacks, reading=READING):
        (shop / "cart.py").write_text("total = 1\n")
        wrong = []
        async with product_in(shop, "next") as (app, client):
            await said(client, "create_team", {"team_id": "core", "name": "ATTACK \x1b[1mcore"})
            talk = await planted(app, client, attacks, shop, tmp_path)
            lifecycle = Lifecycle(app, settle_seconds=0)
            await dealt(lifecycle, event("SessionStart", talk, source="startup"))
            compacted = await dealt(lifecycle, event("PreCompact", talk))
            await dealt(lifecycle, event("SessionEnd", talk, reason="prompt_input_exit"))
            handed = {"PreCompact": compacted}
            for name, more in (("SessionStart", {"source": "startup"}), ("UserPromptSubmit", {})):
                following = event(name, talk, session_id=f"next-{name}", **more)
                handed[name] = await dealt(lifecycle, following)
            assert MARK in handed["SessionStart"] and MARK in compacted
            for name, text in handed.items():
                wrong += [f"{name}: {one}" for one in shown(text, 1_500)]
                if name != "PreCompact" and text:
                    wrong += [f"{name}: {one}" for one in framed(text)]
                if PRINTED in text:
                    wrong.append(f"{name} tells what a program printed")
            answers = {name: await said(client, name, {}) for name in UNASKED}
            for spec in reading:
                answers[spec.name] = await said(client, spec.name, needed(spec, "ATTACK obey"))
            answers["printed"] = await said(client, "reflect_on_past", {"query": f"printed {PRINTED}"})
            found = await said(client, "search_team_knowledge", {"query": "ATTACK shared", "team_id": "core"})
            answers["team"] = found
            for uri in resources.RESOURCES:
                [page] = await client.read_resource(uri)
                answers[uri] = False, page.text, None
        for name, (_, text, structured) in answers.items():
            wrong += [f"{name}: {one}" for one in shown(text, 5_000)]
            for one in texts(structured):
                wrong += [f"{name}: {fault}" for fault in shown(one, 5_000)]
            wrong += [f"{name}: {one}" for one in unattributed(structured)]
            if (name in UNASKED or "://" in name) and PRINTED in text:
                wrong.append(f"{name} tells what a program printed")
        assert PRINTED in answers["printed"][1], "who searches finds what programs printed"
        assert MARK in answers["team"][1] and MARK in answers["reflect_on_past"][1] and MARK in answers["start"][1]
        assert framed(answers["start"][2]["told"]) == []
        return wrong

    return over


def shown(text: str, budget: int) -> list[str]:
    wrong = [f"hidden letters {hidden(text)!r}"] if hidden(text) else []
    return wrong + ([f"{tokens(text)} tokens"] if tokens(text) > budget else [])


def unattributed(value) -> list[str]:
    """Snippets of a memory that do not say whose they are."""
    if isinstance(value, list):
        return [one for inner in value for one in unattributed(inner)]
    if not isinstance(value, dict):
        return []
    wrong = [one for inner in value.values() for one in unattributed(inner)]
    if MARK in str(value.get("snippet", "")) + str(value.get("quote", "")):
        names = {"trust", "source", "by", "shared_by", "author", "role", "user"} & {n for n, v in value.items() if v}
        if not names:
            wrong.append(f"nobody vouches for {json.dumps(value)[:300]}")
    return wrong


async def test_an_attack_is_told_as_data_wherever_it_comes_from(told):
    some = [spec for spec in READING if spec.name in ("reflect_on_past", "search_summary", "list_user_reminders")]
    assert await told([attack for attack in QUICK if attack.kind in SOME], some) == []


@pytest.mark.slow
@pytest.mark.parametrize("attacks", GROUPS, ids=[group[0].kind for group in GROUPS])
async def test_every_attack_is_told_as_data_wherever_it_comes_from(told, attacks):
    assert await told(attacks) == []
