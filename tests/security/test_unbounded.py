"""Unbounded input: every text, list and object that any tool takes, far too large; answered quickly, shortly, and by one sentence."""

import time

import pytest

from tests.security.calls import SPECS, kinds, needed, said, schema

BY_NAME = {spec.name: spec for spec in SPECS}
HUGE = 10_000_000
MANY = 100_000
SECONDS = 5.0  # of this thread's work for one call; most take some milliseconds
MOST = 60_000  # characters of an answer


def too_large(name: str, parameter: dict) -> list[object]:
    """Values of each type that it takes."""
    values: list[object] = []
    if "string" in kinds(parameter) and "closed" not in kinds(parameter):
        values += ["till\n" * (HUGE // 5)]
    if "array" in kinds(parameter):
        values += [["x"] * MANY, [{"id": str(n), "snippet": "x"} for n in range(MANY)], ["y" * HUGE]]
    if "object" in kinds(parameter):
        deep: object = "x"
        for _ in range(200):
            deep = {"a": deep}
        values += [{f"k{n}": n for n in range(MANY)}, {"text": "z" * HUGE}, {"deep": deep}]
    return values


async def faults(client, spec, name: str, value: object) -> list[str]:
    began = time.thread_time()
    failed, text, _ = await said(client, spec.name, {**needed(spec), name: value})
    took = time.thread_time() - began
    what = f"{spec.name}({name}: {type(value).__name__})"
    wrong = [f"{what} took {took:.1f} s"] if took > SECONDS else []
    if failed and (len(text) > 1_000 or "\n" in text.strip() or "Traceback" in text):
        wrong.append(f"{what} is refused with {text[:200]!r}")
    if not failed and len(text) > MOST:
        wrong.append(f"{what} is answered with {len(text):,} characters")
    return wrong


def test_every_text_and_list_has_a_bound_in_its_schema_or_is_named_here():
    unbounded = {
        (spec.name, name)
        for spec in SPECS
        for name, parameter in schema(spec).items()
        for one in [parameter, *parameter.get("anyOf", [])]
        if (one.get("type") == "string" and not {"maxLength", "enum", "const", "format"} & set(one))
        or (one.get("type") == "array" and "maxItems" not in one)
    }
    checked_behind = {("store_reflection", "content"), ("share_with_team", "content")}  # domain/drafts.check_text
    assert unbounded == checked_behind | {(name, "working_directory") for name in ("start", "end", "status")}


async def test_what_has_no_bound_in_its_schema_has_one_behind_it(product_in, shop):
    names = {"store_reflection": "content", "share_with_team": "content", "start": "working_directory"}
    async with product_in(shop) as (_, client):
        for tool, name in names.items():
            failed, text, _ = await said(client, tool, {**needed(BY_NAME[tool]), name: "till " * (HUGE // 10)})
            assert failed and len(text) < 1_000, tool


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_whatever_is_far_too_large_is_answered_quickly_and_shortly(product_in, shop):
    async with product_in(shop) as (_, client):
        wrong = []
        for spec in SPECS:
            for name, parameter in schema(spec).items():
                for value in too_large(name, parameter):
                    wrong += await faults(client, spec, name, value)
    assert wrong == []
