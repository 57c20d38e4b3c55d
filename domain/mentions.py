"""Which files a text speaks of: precise rather than complete, as an address or a version taken for a file misleads."""

import re
from functools import lru_cache

MOST = 50  # files of one record
LONGEST = 300  # characters of a path; a longer one is none
_READ = 20_000  # characters of a text

_EXTENSIONS = frozenset(
    [
        "astro",
        "bash",
        "bat",
        "bazel",
        "bzl",
        "c",
        "cc",
        "cfg",
        "clj",
        "cljs",
        "cmake",
        "conf",
        "cpp",
        "cs",
        "csproj",
        "css",
        "csv",
        "cts",
        "cu",
        "cxx",
        "dart",
        "dockerfile",
        "duckdb",
        "edn",
        "el",
        "elm",
        "erl",
        "ex",
        "exs",
        "fish",
        "fs",
        "fsx",
        "gd",
        "go",
        "gql",
        "gradle",
        "graphql",
        "groovy",
        "gz",
        "h",
        "haml",
        "hbs",
        "hcl",
        "heex",
        "hh",
        "hpp",
        "hrl",
        "hs",
        "htm",
        "html",
        "hxx",
        "ini",
        "ipynb",
        "j2",
        "java",
        "jinja",
        "jl",
        "js",
        "json",
        "json5",
        "jsonc",
        "jsonl",
        "jsx",
        "kt",
        "kts",
        "less",
        "lisp",
        "lua",
        "m4",
        "md",
        "mdx",
        "mjs",
        "mk",
        "ml",
        "mli",
        "mm",
        "mts",
        "nim",
        "nix",
        "parquet",
        "pdf",
        "php",
        "pl",
        "plist",
        "pm",
        "png",
        "po",
        "ps1",
        "proto",
        "prisma",
        "ps",
        "py",
        "pyi",
        "pyx",
        "rake",
        "rb",
        "rego",
        "rkt",
        "rmd",
        "robot",
        "rs",
        "rst",
        "ru",
        "sass",
        "sbt",
        "scala",
        "scm",
        "scss",
        "sh",
        "snap",
        "sol",
        "sql",
        "sqlite",
        "sqlite3",
        "srt",
        "strings",
        "styl",
        "svelte",
        "svg",
        "swift",
        "tcl",
        "tex",
        "tf",
        "tfvars",
        "thrift",
        "toml",
        "ts",
        "tsv",
        "tsx",
        "txt",
        "vb",
        "vhd",
        "vim",
        "vue",
        "wasm",
        "webp",
        "wat",
        "xcconfig",
        "xml",
        "xsd",
        "yaml",
        "yml",
        "zig",
        "zsh",
    ]
)
"""What follows the last dot of a file that is named alone; behind a slash any short extension will do."""
_NAMES = frozenset(
    [
        "Makefile",
        "GNUmakefile",
        "Dockerfile",
        "Containerfile",
        "Gemfile",
        "Rakefile",
        "Justfile",
        "justfile",
        "Jenkinsfile",
        "Procfile",
        "Vagrantfile",
        "Brewfile",
        "Caddyfile",
        "Tiltfile",
        "Pipfile",
        "Podfile",
        "Fastfile",
        ".gitignore",
        ".gitattributes",
        ".gitmodules",
        ".dockerignore",
        ".editorconfig",
        "go.mod",
        "go.sum",
        "go.work",
        "Cargo.lock",
        "Gemfile.lock",
        "poetry.lock",
        "uv.lock",
        "yarn.lock",
        "composer.lock",
        "Pipfile.lock",
        "flake.lock",
        ".env",
        ".envrc",
        ".npmrc",
        ".nvmrc",
        ".prettierrc",
        ".eslintrc",
        ".babelrc",
        ".bashrc",
        ".zshrc",
        ".profile",
        ".tool-versions",
        ".python-version",
    ]
)
_OTHERS = re.compile(
    r"(?:self|this|cls|np|math|sys|os)\.\w+\Z|docs\.rs\Z"
    r"|(?:alpine|backbone|chart|d3|discord|electron|ember|express|moment|next|node|nuxt|react|socket|three|vue)\.(?:js|io)\Z",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|ai|co|app|edu|gov|info|rs|sh|me|us|uk|de|eu|cloud)\Z")
_PIECE = re.compile(r"[^\s\"'`<>|*?,;(){}=&!]+")
_PLACE = re.compile(r"(?::\d+.*|#.*|::.*|:[a-z_A-Z]\w*)\Z")  # line and column, an anchor, a test of the file
_SEPARATOR = re.compile(r"[/\\]+")
_EXTENSION = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,9})\Z")


def mentioned(text: str) -> tuple[str, ...]:
    r"""The files that `text` names, each once, in order, as they stand there.

    >>> mentioned("see src/cart.py:12 and `./a/b.md`, e.g. C:\x\y.py (not https://x.dev/a.js, 1.2.3 or and/or)")
    ('src/cart.py', './a/b.md', 'C:\\x\\y.py')
    """
    found: dict[str, None] = {}
    for word in [word for word in text[:_READ].split() if "." in word or "file" in word]:
        for path in _known_paths(word) if len(word) <= LONGEST else _paths(word):
            found[path] = None
            if len(found) == MOST:
                return tuple(found)
    return tuple(found)


def _paths(word: str) -> tuple[str, ...]:
    """Those in what stands between two spaces."""
    if (word.find(".", 0, -1) < 0 and "file" not in word) or "://" in word:
        return ()
    pieces = [piece for piece in _PIECE.findall(word) if "." in piece or "file" in piece]
    return tuple(filter(None, map(_path, pieces)))


_known_paths = lru_cache(maxsize=4_096)(_paths)  # the same few are named again and again


def _path(piece: str) -> str:
    """The path that a piece of text is, or nothing."""
    piece = piece.strip("[]").rstrip(".:-…\\/").lstrip(":$")
    drive, rest = (piece[:2], piece[2:]) if piece[1:3] in (":\\", ":/") and piece[0].isalpha() else ("", piece)
    path = drive + (_PLACE.sub("", rest).rstrip(".:") if ":" in rest or "#" in rest else rest)
    if not 2 < len(path) <= LONGEST or "..." in path or ":" in path[2:] or (":" in path and not drive):
        return ""
    *folders, name = _SEPARATOR.split(path[len(drive) :])
    return path if _is_file(folders, name) else ""


def _is_file(folders: list[str], name: str) -> bool:
    if name in _NAMES:
        return True
    extension = _EXTENSION.search(name)
    if extension is None or not name[: extension.start()].strip("."):
        return False
    if folders:
        return not _DOMAIN.match(folders[0]) and not ("@" in folders[0] and "." in folders[0])
    return extension[1].lower() in _EXTENSIONS and "@" not in name and not _OTHERS.match(name)
