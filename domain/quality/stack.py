"""What a project is made with: languages, package managers, tests, pipelines, documentation."""

from collections.abc import Sequence
from dataclasses import dataclass

from session_mgmt_mcp.ports.project_files import Language, Survey


@dataclass(frozen=True, slots=True)
class Stack:
    """`languages` with their share of the source files, most first; what was not found is empty."""

    languages: Sequence[tuple[Language, float]] = ()
    managers: Sequence[str] = ()
    manifests: Sequence[str] = ()
    locks: Sequence[str] = ()
    tests: Sequence[str] = ()  # what runs them
    test_files: int = 0
    pipelines: Sequence[str] = ()  # the systems that run them
    readme: str = ""
    pages: int = 0

    @property
    def language(self) -> Language | None:
        """The main one: of most source files, else of the outermost manifest."""
        return self.languages[0][0] if self.languages else None

    @property
    def is_bare(self) -> bool:
        """Neither source nor manifest: a project that has yet to begin."""
        return not self.languages and not self.manifests

    def in_words(self) -> str:
        """
        >>> stack.in_words()
        'python 96 %, shell 4 %; uv; tests: pytest (82 files); CI: github; docs: README.md and 14 pages'
        """
        if self.is_bare:
            return "no source and no manifest yet"
        said = [", ".join(f"{language} {share:.0%}".replace("%", " %") for language, share in self.languages[:4])]
        said.append(", ".join(self.managers) or "no package manager")
        said.append(f"tests: {', '.join(self.tests) or 'no configuration'} ({self.test_files} files)")
        said.append(f"CI: {', '.join(self.pipelines) or 'none'}")
        pages = f" and {self.pages} pages" if self.pages else ""
        said.append(f"docs: {self.readme or 'no README'}{pages}")
        return "; ".join(filter(None, said))


def stack_of(survey: Survey) -> Stack:
    sources = sum(survey.sources.values())
    shares = [(language, count / sources) for language, count in survey.sources.items()]
    if not shares and survey.manifests:
        shares = [(survey.manifests[0].language, 0.0)]
    return Stack(
        languages=sorted(shares, key=lambda share: -share[1]),
        managers=list(dict.fromkeys(one.manager for one in survey.manifests)),
        manifests=[one.path for one in survey.manifests],
        locks=[one.path for one in survey.locks],
        tests=list(survey.test_tools),
        test_files=survey.test_files,
        pipelines=list(dict.fromkeys(system for system, _ in survey.pipelines)),
        readme=survey.readme,
        pages=survey.pages,
    )
