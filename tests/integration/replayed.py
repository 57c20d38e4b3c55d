"""Programs that answer a second time what they answered the first time."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from session_mgmt_mcp.contracts.git_samples import run_git
from session_mgmt_mcp.ports.process_runner import Ended, Printed, ProcessRunner


@dataclass(frozen=True, slots=True)
class Answer:
    folder: Path
    printed: Sequence[str]
    files: Mapping[str, bytes]  # those of the repository, as it left them
    ended: Ended


class Replayed:
    """ProcessRunner. A command line with one of the words `once` is run once for all projects with the same files."""

    def __init__(self, processes: ProcessRunner, once: frozenset[str], environment: Mapping[str, str]) -> None:
        self._processes = processes
        self._once = once
        self._environment = environment
        self._answers: dict[tuple[str, ...], Answer] = {}

    async def run(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        timeout: float,
        printed: Printed,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ended:
        told: list[str] = []

        async def keep(text: str) -> None:
            told.append(text)
            await printed(text)

        files = _files_of(folder) if self._once.intersection(argv) else {}
        key = (*argv, hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
        if files and (answer := self._answers.get(key)):
            for text in answer.printed:
                await printed(text.replace(str(answer.folder), str(folder)))
            for name, content in answer.files.items():
                (folder / name).write_bytes(content)
            return answer.ended
        ended = await self._processes.run(
            argv, folder, timeout=timeout, printed=keep, environment={**environment, **self._environment}
        )
        if files:
            self._answers[key] = Answer(folder, told, _files_of(folder), ended)
        return ended

    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        return self._processes.which(program, folders)


def _files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in run_git(folder, "ls-files").splitlines()}
