"""ProjectFiles on a folder of this machine."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path

from session_mgmt_mcp.adapters.project import listing, manifests, names, reports
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.project_files import Found, Language, Manifest, Problem, Report, Survey, Text

MOST_TEXTS = 2_000
MOST_TEXT_BYTES = 8_000_000
LARGEST_TEXT = 200_000
LARGEST_MANIFEST = 2_000_000
MOST_REPORTS = 500
MOST_PACKAGES = 20  # folders with a manifest in which reports are looked for
MOST_INLINE = 500  # Rust files that are read for tests
MOST_PROBLEMS = 20
_INLINE_TEST = b"#[cfg(test)]"


class FolderProjectFiles:
    """ProjectFiles. A folder that nobody tracks is walked for at most `seconds`, and up to `most` files."""

    def __init__(self, most: int = listing.MOST_FILES, seconds: float = 2.0) -> None:
        self._most = most
        self._seconds = seconds

    async def survey(self, folder: Path, tracked: Sequence[str] | None = None) -> Survey:
        return await asyncio.to_thread(self._survey, folder, tracked)

    async def read(self, folder: Path, paths: Sequence[str]) -> AsyncGenerator[Text, None]:
        left = MOST_TEXT_BYTES
        for path in sorted(paths, key=names.telling_first)[:MOST_TEXTS]:
            if left <= 0:
                return
            text = await asyncio.to_thread(_text, folder, path)
            if text is not None:
                left -= len(text.text)
                yield text

    def _survey(self, folder: Path, tracked: Sequence[str] | None) -> Survey:
        if not folder.is_dir():
            raise NotFound(f"{folder} is no folder: name one that exists.")
        if tracked is None:
            paths, capped = listing.walk(folder, self._most, self._seconds)
        else:
            paths, capped = sorted(tracked[: self._most]), len(tracked) > self._most
        return _Look(folder, [path for path in paths if not names.left_out(path)], capped).survey()


class _Look:
    """One look at one folder."""

    def __init__(self, folder: Path, paths: Sequence[str], capped: bool) -> None:
        self._folder = folder
        self._paths = paths
        self._capped = capped
        self._problems: dict[str, str] = {}

    def survey(self) -> Survey:
        own = [path for path in self._paths if not names.is_apart(path)]
        locks = [path for path in own if path.count("/") <= manifests.DEEPEST and self._locks(path)]
        found = manifests.managed(manifests.manifests(own), locks, self._content, self._problem)
        places = self._places(found)
        sources = [(path, language) for path in self._paths if (language := names.language_of(path))]
        return Survey(
            files=len(self._paths),
            capped=self._capped,
            sources=dict(Counter(language for _, language in sources).most_common()),
            manifests=found,
            locks=self._dated(locks),
            test_tools=manifests.test_tools(self._paths, found, self._content, self._problem),
            test_files=sum(names.is_test(path, language) for path, language in sources) + self._inline(sources),
            readme=next(filter(names.is_readme, self._paths), ""),
            pages=sum(map(names.is_page, self._paths)),
            pipelines=[(system, path) for path in self._paths if (system := names.pipeline_of(path))],
            ignore_files=[name for name in listing.names_in(self._folder, "") if name in names.IGNORE_FILES],
            env_files=self._env_files(places),
            texts=[path for path in self._paths if names.may_hold_secrets(path)],
            reports=self._reports(places),
            problems=[Problem(path, why) for path, why in list(self._problems.items())[:MOST_PROBLEMS]],
            version_control=listing.version_control(self._folder),
        )

    def _problem(self, path: str, why: str) -> None:
        self._problems.setdefault(path, why)

    def _content(self, path: str) -> bytes:
        raw, whole = listing.content(self._folder, path, LARGEST_MANIFEST)
        if not whole:
            raise OSError("too large")
        return raw

    def _locks(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        if name in names.LOCKS:
            return True
        if not (name.startswith("requirements") and name.endswith(".txt")):
            return False
        try:
            return manifests.all_pinned(self._content(path))
        except OSError:
            self._problem(path, "It cannot be read.")
            return False

    def _dated(self, paths: Iterable[str]) -> list[Found]:
        timed = ((path, listing.time_of(self._folder, path)) for path in paths)
        return [Found(path, time) for path, time in timed if time is not None]

    def _places(self, found: Sequence[Manifest]) -> list[str]:
        """The folder, and those of its packages."""
        return list(dict.fromkeys(["", *(one.path.rpartition("/")[0] for one in found)]))[:MOST_PACKAGES]

    def _env_files(self, places: Sequence[str]) -> list[str]:
        on_disk = (
            f"{place}/{name}" if place else name for place in places for name in listing.names_in(self._folder, place)
        )
        return sorted(
            {path for path in (*on_disk, *self._paths) if names.is_env_file(path) and not names.is_apart(path)}
        )

    def _inline(self, sources: Sequence[tuple[str, Language]]) -> int:
        """Rust files with tests of their own."""
        rust = [path for path, language in sources if language is Language.RUST and not names.is_test(path, language)]
        return sum(self._holds(path, _INLINE_TEST) for path in rust[:MOST_INLINE])

    def _holds(self, path: str, mark: bytes) -> bool:
        try:
            return mark in listing.content(self._folder, path, LARGEST_TEXT)[0]
        except OSError:
            self._problem(path, "It cannot be read.")
            return False

    def _reports(self, places: Sequence[str]) -> list[Report]:
        folders = [f"{place}/{below}".strip("/") for place in places for below in reports.PLACES]
        paths = [
            f"{folder}/{name}" if folder else name
            for folder in dict.fromkeys(folders)
            for name in listing.names_in(self._folder, folder)
            if reports.may_be_one(name)
        ]
        return reports.together([report for path in paths[:MOST_REPORTS] for report in self._report(path)])

    def _report(self, path: str) -> list[Report]:
        time = listing.time_of(self._folder, path)
        if time is None:
            return []
        try:
            raw, whole = listing.content(self._folder, path, reports.MOST_BYTES)
            if not whole:
                raise OSError("too large")
            return reports.read(path, time, raw)
        except OSError:
            self._problem(path, "It cannot be read.")
        except (ValueError, TypeError, KeyError, RecursionError):
            self._problem(path, "It does not parse.")
        return []


def _text(folder: Path, path: str) -> Text | None:
    try:
        raw, whole = listing.content(folder, path, LARGEST_TEXT)
    except OSError:
        return None
    return None if b"\0" in raw[:8_000] else Text(path, raw.decode("utf-8", "replace"), whole)
