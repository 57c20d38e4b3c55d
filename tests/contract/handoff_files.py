"""What every HandoffFiles does."""

import asyncio

import pytest
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.handoff_files import HandoffFiles


class HandoffFilesContract:
    """Subclass it and give a `files` fixture: empty ones."""

    async def test_a_page_is_read_as_it_was_written(self, files: HandoffFiles) -> None:
        text = "# Übergabe\n\n- “quoted” 日本語\n"
        assert await files.read("shop-1a2b3c", "s1") is None
        await files.write("shop-1a2b3c", "s1", text)
        assert await files.read("shop-1a2b3c", "s1") == text

    async def test_a_page_is_replaced_as_a_whole(self, files: HandoffFiles) -> None:
        first = await files.write("shop", "s1", "long " * 1_000)
        assert await files.write("shop", "s1", "short") == first
        assert await files.read("shop", "s1") == "short"
        assert files.where("shop", "s1") == first

    async def test_a_page_that_is_removed_is_gone_and_the_others_stay(self, files: HandoffFiles) -> None:
        for session in ("s1", "s2"):
            await files.write("shop", session, "text")
        assert await files.remove("shop", "s1")
        assert (await files.read("shop", "s1"), await files.read("shop", "s2")) == (None, "text")
        assert not await files.remove("shop", "s1")
        assert not await files.remove("nowhere", "s1")

    async def test_two_names_never_share_a_page(self, files: HandoffFiles) -> None:
        names = [
            "s1",
            "S1",
            "s1.md",
            "../s1",
            "..",
            ".s1",
            "s/1",
            "s:1",
            "ß",
            "SS",
            "x" * 300,
            "x" * 301,
            "a b",
            "nul\0",
            "\udcff",
        ]
        pairs = [(project, session) for project in names for session in names]
        where = {await files.write(project, session, f"{project!r} {session!r}") for project, session in pairs}
        assert len(where) == len(pairs)
        for project, session in pairs:
            assert await files.read(project, session) == f"{project!r} {session!r}"

    async def test_without_a_name_there_is_no_page(self, files: HandoffFiles) -> None:
        for project, session in (("", "s1"), ("shop", "")):
            with pytest.raises(Invalid):
                await files.write(project, session, "text")
            with pytest.raises(Invalid):
                await files.read(project, session)
            with pytest.raises(Invalid):
                files.where(project, session)

    async def test_of_several_writers_one_is_last_and_whole(self, files: HandoffFiles) -> None:
        texts = [f"{n} " * 5_000 for n in range(20)]
        await asyncio.gather(*(files.write("shop", "s1", text) for text in texts))
        assert await files.read("shop", "s1") in texts
