"""Whether expanding a concept finds more than the plain question: `python -m benchmarks.expansion FILE.json [A-B]`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.concept import by_concept
from session_mgmt_mcp.domain.scope import Scope

from benchmarks import product
from benchmarks.formats import read_set, selected
from benchmarks.metrics import TURN_METRICS, means

Ask = Callable[[str, Scope], Awaitable[Sequence[Found]]]


async def compare(file: Path, conversations: str | None) -> None:
    document = read_set(file)
    async with product.opened() as app:

        async def plain(text: str, scope: Scope) -> Sequence[Found]:
            return (await app.memory.search(text, scope, limit=10)).hits

        async def expanded(text: str, scope: Scope) -> Sequence[Found]:
            return (await by_concept(app.memory, app.store, text, scope, limit=10, files=False)).hits

        ways: dict[str, Ask] = {"plain": plain, "expanded": expanded}
        answers: dict[str, list[tuple[Sequence[str], Sequence[str]]]] = {way: [] for way in ways}
        for one in selected(document.conversations, conversations):
            project = f"{document.name}-{one.id}"
            names = await product.keep(app, one, project)
            await product.embed_all(app, lambda now: None)
            for question in one.questions:
                if question.gold:
                    for way, ask in ways.items():
                        found = await ask(question.text, Scope((project,)))
                        answers[way].append(([names[hit.record.id] for hit in found], question.gold))
    for way, given in answers.items():
        print(f"{way:9}", len(given), {name: round(value, 1) for name, value in means(TURN_METRICS, given).items()})


if __name__ == "__main__":
    asyncio.run(compare(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
