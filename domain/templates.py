"""Starting layouts: what a project that has yet to begin gets when its owner asks for one, by language."""

import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain import template_files
from session_mgmt_mcp.domain.quality.stack import Stack
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.project_files import Language

_LONGEST = 40
_KEPT_BY_LANGUAGES = """abstract assert boolean byte char const default double enum extends final float goto implements
instanceof int interface long native new package private protected public short static super switch synchronized this
throws transient void volatile chan defer fallthrough func go map range select struct var main init as crate extern fn
impl let loop mod move mut pub ref self trait type unsafe use where dyn core alloc std proc macro tests"""
_TAKEN = {*_KEPT_BY_LANGUAGES.split(), *keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}


@dataclass(frozen=True, slots=True)
class Layout:
    """Files by their path in the project. Those that are `shared` may be there already and then stay as they are."""

    language: Language
    files: Mapping[str, str]
    test: str  # the command that runs its tests

    @property
    def shared(self) -> Sequence[str]:
        return [path for path in self.files if path in template_files.SHARED]


@dataclass(frozen=True, slots=True)
class Offer:
    """`language` is the one found; None: the project is empty, any of `languages` will do."""

    language: Language | None
    languages: Sequence[Language]

    @property
    def summary(self) -> str:
        if self.language is None:
            return f"This project is empty; a starting layout is there for {', '.join(self.languages)}, when asked for."
        return f"This project has no manifest and no tests; a starting layout for {self.language} is there, when asked for."


def offer(stack: Stack) -> Offer | None:
    """For a project without source, or with source but neither manifest nor tests; None: it has begun.

    >>> offer(Stack()).language is None
    True
    """
    if stack.is_bare:
        return Offer(None, tuple(template_files.LAYOUTS))
    found = stack.language
    if found is None or found not in template_files.LAYOUTS or stack.manifests or stack.test_files:
        return None
    return Offer(found, (found,))


def layout(language: str, folder: str) -> Layout:
    """For a project in a folder of that name. Raises Invalid for a language without a layout.

    >>> list(layout("rust", "My Shop").files)
    ['Cargo.toml', 'src/lib.rs', 'tests/greeting.rs', 'README.md', '.gitignore']
    """
    if language not in template_files.LAYOUTS:
        known = ", ".join(template_files.LAYOUTS)
        raise Invalid(f"There is no starting layout for {language[:40]!r}: name one of {known}.")
    test, files = template_files.LAYOUTS[Language(language)]
    words = _words(folder)
    spelt = {
        "@NAME@": "-".join(words),
        "@MODULE@": "_".join(words),
        "@JOINED@": "".join(words),
        "@TITLE@": " ".join(words).capitalize(),
    }

    def filled(text: str) -> str:
        for mark, value in spelt.items():
            text = text.replace(mark, value)
        return text

    return Layout(Language(language), {filled(path): filled(text) for path, text in files.items()}, test)


def _words(folder: str) -> Sequence[str]:
    """What the package is called: words that are a name in each of the languages, whatever the folder is called."""
    words = re.findall(r"[a-z0-9]+", folder.lower()[:_LONGEST]) or ["app"]
    if words[0][0].isdigit():
        words = ["app", *words]
    return [*words, "app"] if {"_".join(words), "".join(words)} & _TAKEN else words
