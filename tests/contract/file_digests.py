"""What every FileDigests does."""

from pathlib import Path

from session_mgmt_mcp.ports.file_digests import FileDigests


class FileDigestsContract:
    """Subclass it and give `digests`, and `root`: a folder with `a.txt` and `kopie ü.txt`, which hold the same, and `b.txt`."""

    async def test_the_digest_tells_contents_apart_and_nothing_else(self, digests: FileDigests, root: Path) -> None:
        found = await digests.read(root, ["a.txt", "kopie ü.txt", "b.txt"])
        assert found["a.txt"] == found["kopie ü.txt"] != found["b.txt"]
        assert found == await digests.read(root, ["a.txt", "kopie ü.txt", "b.txt"])

    async def test_what_is_not_there_is_left_out(self, digests: FileDigests, root: Path) -> None:
        assert list(await digests.read(root, ["gone.txt", "a.txt", "no/such.txt"])) == ["a.txt"]
        assert await digests.read(root / "gone", ["a.txt"]) == {}
        assert await digests.read(root, []) == {}
