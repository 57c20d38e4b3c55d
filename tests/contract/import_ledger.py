"""What every ImportLedger does."""

import asyncio
from pathlib import Path

from session_mgmt_mcp.ports.import_ledger import ImportLedger
from session_mgmt_mcp.ports.transcript_source import Cursor


class ImportLedgerContract:
    """Subclass it and give a `ledger` fixture: an empty one."""

    async def test_a_cursor_comes_back_as_it_was_set_last(self, ledger: ImportLedger) -> None:
        path = Path("/home/ä b/x.jsonl")
        assert await ledger.cursor(path) is None
        await ledger.set_cursor(path, Cursor(1, 2, 3, "four"))
        await ledger.set_cursor(path, Cursor(2**63, 2**40, 3, '{"open": "ü\\0"}'))
        assert await ledger.cursor(path) == Cursor(2**63, 2**40, 3, '{"open": "ü\\0"}')
        assert await ledger.cursor(Path("/home/other")) is None

    async def test_a_name_that_is_no_unicode_is_a_name_too(self, ledger: ImportLedger) -> None:
        path = Path("/home/\udcff/x.jsonl")
        await ledger.set_cursor(path, Cursor(offset=5))
        assert await ledger.cursor(path) == Cursor(offset=5)

    async def test_a_folder_keeps_its_project(self, ledger: ImportLedger) -> None:
        assert await ledger.project_of("/home/you/shop") is None
        await ledger.set_project("/home/you/shop", "shop-1")
        await ledger.set_project("/home/you/shop", "shop-2")
        assert await ledger.project_of("/home/you/shop") == "shop-2"

    async def test_many_at_once_are_all_kept(self, ledger: ImportLedger) -> None:
        paths = [Path(f"/t/{n}") for n in range(30)]
        await asyncio.gather(*(ledger.set_cursor(path, Cursor(offset=n)) for n, path in enumerate(paths)))
        assert [await ledger.cursor(path) for path in paths] == [Cursor(offset=n) for n in range(30)]
        assert await ledger.cursors([Path("/none"), *paths]) == {path: Cursor(offset=n) for n, path in enumerate(paths)}
        assert await ledger.cursors([]) == {}

    async def test_cursors_of_many_files_are_set_at_once(self, ledger: ImportLedger) -> None:
        await ledger.set_cursor(Path("/p/1"), Cursor(offset=99))
        cursors = {Path(f"/p/{n}"): Cursor(7, n, n, "{}") for n in range(600)}
        await ledger.set_cursors(cursors)
        await ledger.set_cursors({})
        assert await ledger.cursors(list(cursors)) == cursors

    async def test_it_knows_when_something_was_last_taken_in(self, ledger: ImportLedger) -> None:
        assert await ledger.last_import() is None
        await ledger.set_project("/a", "p")
        assert await ledger.last_import() is None
        await ledger.set_cursor(Path("/a"), Cursor(offset=1))
        first = await ledger.last_import()
        await ledger.set_cursor(Path("/a"), Cursor(offset=2))
        second = await ledger.last_import()
        assert first is not None and second is not None and first.tzinfo and first <= second
        await asyncio.sleep(0.002)
        await ledger.set_cursor(Path("/b"), Cursor(offset=1))
        third = await ledger.last_import()
        assert third is not None and third > second

    async def test_forgetting_leaves_nothing(self, ledger: ImportLedger) -> None:
        await ledger.set_cursor(Path("/a"), Cursor(offset=1))
        await ledger.set_project("/a", "p")
        await ledger.forget_all()
        assert await ledger.cursor(Path("/a")) is None
        assert await ledger.project_of("/a") is None
        assert await ledger.last_import() is None
