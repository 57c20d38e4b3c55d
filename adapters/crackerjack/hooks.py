"""What the hooks of crackerjack look at."""

from collections.abc import Mapping

from session_mgmt_mcp.ports.quality_runner import Aspect, Command

FAST, COMPREHENSIVE = "fast", "comprehensive"

_FAST: Mapping[str, Aspect] = {
    "validate-regex-patterns": Aspect.OTHER,
    "trailing-whitespace": Aspect.FORMAT,
    "end-of-file-fixer": Aspect.FORMAT,
    "format-json": Aspect.FORMAT,
    "codespell": Aspect.LINT,
    "ruff-check": Aspect.LINT,
    "ruff-format": Aspect.FORMAT,
    "mdformat": Aspect.FORMAT,
    "uv-lock": Aspect.OTHER,
    "check-ast": Aspect.LINT,
    "check-yaml": Aspect.LINT,
    "check-toml": Aspect.LINT,
    "check-json": Aspect.LINT,
    "check-added-large-files": Aspect.OTHER,
    "check-local-links": Aspect.OTHER,
    "pip-audit": Aspect.SECURITY,
}
_COMPREHENSIVE: Mapping[str, Aspect] = {
    "ty": Aspect.TYPES,
    "semgrep": Aspect.SECURITY,
    "betterleaks": Aspect.SECURITY,
    "pyscn": Aspect.COMPLEXITY,
    "cohesion": Aspect.COMPLEXITY,
    "pymetrica": Aspect.COMPLEXITY,
    "refurb": Aspect.LINT,
    "creosote": Aspect.OTHER,
    "check-jsonschema": Aspect.LINT,
    "linkcheckmd": Aspect.OTHER,
    "lychee": Aspect.OTHER,
}
_SWITCHED_OFF: Mapping[str, Aspect] = {
    "ty-ignore-syntax": Aspect.TYPES,
    "zuban": Aspect.TYPES,
    "pyrefly": Aspect.TYPES,
    "pyright": Aspect.TYPES,
    "mypy": Aspect.TYPES,
    "gitleaks": Aspect.SECURITY,
    "bandit": Aspect.SECURITY,
    "complexipy": Aspect.COMPLEXITY,
    "skylos": Aspect.LINT,
    "vulture": Aspect.LINT,
}
_ASPECTS: Mapping[str, Aspect] = {**_FAST, **_COMPREHENSIVE, **_SWITCHED_OFF}

SUITES: Mapping[str, tuple[str, ...]] = {FAST: tuple(_FAST), COMPREHENSIVE: tuple(_COMPREHENSIVE)}
"""The hooks that 0.74 runs where the project switches none on or off."""

OWN_PROGRAMS: Mapping[str, str] = {
    "ty": "ty",
    "semgrep": "semgrep",
    "betterleaks": "betterleaks",
    "lychee": "lychee",
    "uv-lock": "uv",
}
"""Programs that hooks run and crackerjack does not bring along."""

NEED_NETWORK = frozenset({"pip-audit", "uv-lock", "semgrep", "lychee", "linkcheckmd"})

COUNTED: Mapping[Command, tuple[str, Aspect]] = {
    Command.LINT: (FAST, Aspect.LINT),
    Command.FORMAT: (FAST, Aspect.FORMAT),
    Command.CHECK: (COMPREHENSIVE, Aspect.TYPES),
    Command.SECURITY: (COMPREHENSIVE, Aspect.SECURITY),
    Command.COMPLEXITY: (COMPREHENSIVE, Aspect.COMPLEXITY),
}
"""The suite that a command runs, and the aspect whose hooks its report is about."""


def aspect_of(hook: str) -> Aspect:
    """What a hook looks at; of one that is not known here: OTHER.

    >>> aspect_of("ruff-check")
    <Aspect.LINT: 'lint'>
    """
    return _ASPECTS.get(hook, Aspect.OTHER)
