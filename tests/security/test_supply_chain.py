"""Supply chain: what can reach another machine is a closed set, and nothing installs or updates anything by itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("domain", "ports", "adapters", "entrypoints")
REACHING = {
    "socket", "http.client", "urllib.request", "ftplib", "smtplib", "telnetlib", "xmlrpc.client", "requests", "httpx", "httpx2",
    "aiohttp", "urllib3", "websockets", "anthropic", "openai", "google.genai", "ollama", "redis", "obstore", "boto3", "grpc", "lancedb",
}  # fmt: skip
REASONS = {
    "adapters/anthropic/": "a vendor that the user set up", "adapters/openai/": "a vendor that the user set up",
    "adapters/gemini/": "a vendor that the user set up", "adapters/ollama/": "a server that the user set up",
    "adapters/llm_http.py": "what those four have in common",
    "adapters/lancedb/": "a shared folder or a bucket that the user set up",
    "adapters/redis/": "documents on a server that the user set up", "adapters/s3/": "documents in a bucket that the user set up",
    "entrypoints/hub.py": "the hub's socket", "entrypoints/dial.py": "the hub's socket", "entrypoints/hook.py": "the hub's socket",
    "entrypoints/shim.py": "the hub's socket",
    "entrypoints/serving.py": "listens over HTTP when asked to", "entrypoints/http/": "listens over HTTP when asked to",
}  # fmt: skip
"""Where a module that can reach another machine may be imported, each with the reason."""


ROUNDABOUT = {
    "open_connection",
    "create_connection",
    "create_datagram_endpoint",
    "getaddrinfo",
    "__import__",
    "import_module",
}
BY_NAME = {
    "adapters/treesitter/parser.py": "grammars by their language", "entrypoints/__init__.py": "the library, when it is asked for",
    "entrypoints/server.py": "the command line, when it is asked for", "entrypoints/serving.py": "the name that it listens on",
}  # fmt: skip
"""Where a module is imported by its name, or an address is looked up, each with the reason."""

INSTALLERS = (
    r"(?:pip[\d.]*|pipx|pipenv|uvx?|poetry|pdm|hatch|rye|flit|conda|mamba|npm|npx|pnpm|yarn|bunx?|corepack|cargo|go|gem|bundle|brew"
    r"|apt|apt-get|dnf|apk)"
)
COMMAND = re.compile(rf"(?:(?:.* )?-(?:m|l?c) |env |sudo |\w+=\S* )*(?:\S*/)?{INSTALLERS} (?!{INSTALLERS}\b)\S")
INSTALLING = {
    "adapters/local/package_manager.py": "syncs a project by its lock, when the user granted it and asked",
    "domain/fixes.py": "tells what a command runs from what it is run by",
}
"""Where such a command stands, each with the reason."""


def modules() -> list[Path]:
    return [path for folder in OURS for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def reaching(names: set[str]) -> set[str]:
    return {name for name in names if any(name == one or name.startswith(f"{one}.") for one in REACHING)}


def test_only_modules_with_a_reason_can_reach_another_machine():
    some = re.compile("|".join(sorted({re.escape(name.partition(".")[0]) for name in REACHING})))
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in modules()}
    found = {path: reaching(imported(ast.parse(text))) for path, text in texts.items() if some.search(text)}
    without = {path: names for path, names in found.items() if names and not path.startswith(tuple(REASONS))}
    assert without == {}
    assert [
        place for place in REASONS if not any(path.startswith(place) for path, names in found.items() if names)
    ] == []


def test_no_module_reaches_another_machine_in_a_roundabout_way():
    found = set()
    for path in modules():
        if any(word in (text := path.read_text()) for word in ROUNDABOUT):
            named = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(ast.parse(text))}
            found |= {str(path.relative_to(ROOT))} if named & ROUNDABOUT else set()
    assert found == set(BY_NAME)


def test_nothing_installs_or_updates_anything_by_itself():
    found = {str(path.relative_to(ROOT)) for path in modules() if any(installing(ast.parse(path.read_text())))}
    assert found == set(INSTALLING)


@pytest.mark.parametrize(
    "line",
    [
        '["uv", "sync", "--upgrade"]',
        '[sys.executable, "-m", "pip", "install", name]',
        '("/usr/bin/npm", "update")',
        '("uvx", "ruff")',
        '["uv", "--quiet", "add", name]',
        '["env", "UV_OFFLINE=0", "uv", "sync"]',
        '["uv", *("sync",)]',
        '["sh", "-c", "uv sync"]',
    ],
)
def test_a_command_that_installs_is_noticed(line):
    assert any(installing(ast.parse(f"run({line})")))


@pytest.mark.parametrize(
    "line", ['"install it: pip install x"', '("uv", "poetry", "npm")', '["git", "go", "task"]', '["npm test"]']
)
def test_names_and_sentences_are_no_command(line):
    assert not any(installing(ast.parse(f"tell({line})")))


def installing(tree: ast.AST) -> Iterator[str]:
    """Command lines, as rows of words, of a program that installs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            words = [word for one in node.elts for word in _words(one)]
            if len(words) > 1 and COMMAND.match(line := " ".join(words)):
                yield line


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Starred) and isinstance(node.value, ast.List | ast.Tuple):
        return [word for one in node.value.elts for word in _words(one)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
