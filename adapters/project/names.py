"""What a file is by its path: a source, a test, a manifest, a lock, a page, a pipeline."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from session_mgmt_mcp.ports.project_files import Language

_ENDINGS: Mapping[Language, str] = {
    Language.PYTHON: ".py .pyi .pyx",
    Language.JAVASCRIPT: ".js .jsx .mjs .cjs .vue .svelte",
    Language.TYPESCRIPT: ".ts .tsx .mts .cts",
    Language.GO: ".go",
    Language.RUST: ".rs",
    Language.JAVA: ".java",
    Language.KOTLIN: ".kt",
    Language.SCALA: ".scala",
    Language.CSHARP: ".cs",
    Language.C: ".c .h",
    Language.CPP: ".cc .cpp .cxx .hpp .hh",
    Language.RUBY: ".rb",
    Language.PHP: ".php",
    Language.SWIFT: ".swift",
    Language.ELIXIR: ".ex .exs",
    Language.SHELL: ".sh .bash",
}
LANGUAGES: Mapping[str, Language] = {end: language for language, ends in _ENDINGS.items() for end in ends.split()}

MANIFESTS: Mapping[str, tuple[Language, str]] = {
    "pyproject.toml": (Language.PYTHON, "pip"),
    "setup.py": (Language.PYTHON, "pip"),
    "setup.cfg": (Language.PYTHON, "pip"),
    "requirements.txt": (Language.PYTHON, "pip"),
    "Pipfile": (Language.PYTHON, "pipenv"),
    "package.json": (Language.JAVASCRIPT, "npm"),
    "deno.json": (Language.TYPESCRIPT, "deno"),
    "deno.jsonc": (Language.TYPESCRIPT, "deno"),
    "go.mod": (Language.GO, "go"),
    "Cargo.toml": (Language.RUST, "cargo"),
    "pom.xml": (Language.JAVA, "maven"),
    "build.gradle": (Language.JAVA, "gradle"),
    "build.gradle.kts": (Language.JAVA, "gradle"),
    "build.sbt": (Language.SCALA, "sbt"),
    "Gemfile": (Language.RUBY, "bundler"),
    "composer.json": (Language.PHP, "composer"),
    "Package.swift": (Language.SWIFT, "swift"),
    "mix.exs": (Language.ELIXIR, "mix"),
    "conanfile.txt": (Language.CPP, "conan"),
    "conanfile.py": (Language.CPP, "conan"),
    "vcpkg.json": (Language.CPP, "vcpkg"),
    "CMakeLists.txt": (Language.CPP, "cmake"),
    "meson.build": (Language.C, "meson"),
}
LOCKS: Mapping[str, str] = {
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "pdm.lock": "pdm",
    "Pipfile.lock": "pipenv",
    "requirements.lock": "pip",
    "pylock.toml": "pip",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "yarn.lock": "yarn",
    "pnpm-lock.yaml": "pnpm",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "deno.lock": "deno",
    "go.sum": "go",
    "Cargo.lock": "cargo",
    "gradle.lockfile": "gradle",
    "Gemfile.lock": "bundler",
    "composer.lock": "composer",
    "packages.lock.json": "dotnet",
    "Package.resolved": "swift",
    "mix.lock": "mix",
    "conan.lock": "conan",
}
_PIPELINES: Mapping[str, str] = {
    ".github/workflows/*.yml": "github",
    ".github/workflows/*.yaml": "github",
    ".gitlab-ci.yml": "gitlab",
    ".gitlab-ci.yaml": "gitlab",
    ".circleci/config.yml": "circleci",
    ".travis.yml": "travis",
    "Jenkinsfile": "jenkins",
    "azure-pipelines.yml": "azure",
    "bitbucket-pipelines.yml": "bitbucket",
    ".drone.yml": "drone",
    ".woodpecker.yml": "woodpecker",
    ".woodpecker/*.y*ml": "woodpecker",
    ".buildkite/*.yml": "buildkite",
    "appveyor.yml": "appveyor",
    ".appveyor.yml": "appveyor",
    ".cirrus.yml": "cirrus",
    ".forgejo/workflows/*.y*ml": "forgejo",
    ".gitea/workflows/*.y*ml": "gitea",
    ".builds/*.yml": "sourcehut",
    ".build.yml": "sourcehut",
    ".semaphore/semaphore.yml": "semaphore",
}
HIDDEN_BUT_SEEN = frozenset(p.partition("/")[0] for p in _PIPELINES if p.startswith(".") and "/" in p)
VENDORED = frozenset({"node_modules", "vendor", "third_party", "bower_components", "site-packages", "__pycache__"})
BUILT = frozenset({"build", "dist", "target", "out", "venv", "env", "htmlcov", "coverage", "Pods"})
IGNORE_FILES = frozenset({".gitignore", ".hgignore", ".ignore"})
_APART = {
    *("test", "tests", "__tests__", "testing", "testdata", "fixtures", "spec", "specs", "benchmarks"),
    *("example", "examples", "sample", "samples", "demo", "docs", "doc"),
}
_TESTS: Mapping[Language, str] = {
    Language.PYTHON: "test_*.py *_test.py tests.py",
    Language.GO: "*_test.go",
    Language.JAVA: "Test*.java *Test.java *Tests.java *IT.java",
    Language.KOTLIN: "*Test.kt *Tests.kt *Spec.kt",
    Language.SCALA: "*Test.scala *Spec.scala *Suite.scala",
    Language.CSHARP: "*Test.cs *Tests.cs",
    Language.C: "test_*.c *_test.c",
    Language.CPP: "test_*.c* *_test.c* *_unittest.c*",
    Language.RUBY: "test_*.rb *_test.rb *_spec.rb",
    Language.PHP: "*Test.php",
    Language.SWIFT: "*Tests.swift *Test.swift",
    Language.ELIXIR: "*_test.exs",
    Language.SHELL: "test_*.sh *_test.sh",
}
_PAGES = (".md", ".mdx", ".rst", ".adoc", ".txt", ".ipynb")
_READMES = ("", ".md", ".markdown", ".rst", ".txt", ".adoc", ".org", ".rdoc")
_HARMLESS_ENDS = {"example", "sample", "template", "dist", "defaults", "schema", "tpl"}
_NO_TEXT = (
    *(".md", ".mdx", ".markdown", ".rst", ".txt", ".adoc", ".org", ".html", ".htm"),
    *(".png", ".jpg", ".jpeg", ".gif", ".ico", ".svg", ".webp", ".bmp", ".pdf", ".ttf", ".otf", ".woff", ".woff2"),
    *(".zip", ".gz", ".bz2", ".xz", ".zst", ".tar", ".jar", ".war", ".class", ".so", ".dll", ".dylib", ".exe", ".o"),
    *(".a", ".pyc", ".wasm", ".mp3", ".mp4", ".mov", ".wav", ".onnx", ".bin", ".npy", ".npz", ".parquet", ".sqlite"),
    *(
        ".lock",
        ".lockb",
        ".sum",
        ".map",
        ".snap",
        ".min.js",
        ".min.css",
        ".ipynb",
        ".po",
        ".mo",
        ".csv",
        ".tsv",
        ".jsonl",
    ),
)
_PACKAGE_LISTS = frozenset({"package.json", "composer.json", "deno.json", "go.mod", "Cargo.toml", "vcpkg.json"})
_TELLING = (
    *("env", "conf", "setting", "secret", "credential", "deploy", "docker"),
    *(".yml", ".yaml", ".properties", ".toml", ".ini", ".tf", ".json", ".sh"),
)


def language_of(path: str) -> Language | None:
    name = path.rpartition("/")[2]
    dot = name.rfind(".")
    return None if dot < 1 or name.endswith(".min.js") else LANGUAGES.get(name[dot:])


def left_out(path: str) -> bool:
    """Somebody else's code, wherever it lies."""
    return not VENDORED.isdisjoint(path.split("/")[:-1])


def is_apart(path: str) -> bool:
    """Among tests, examples or documentation."""
    return any(folder in _APART for folder in path.lower().split("/")[:-1])


def is_test(path: str, language: Language) -> bool:
    """
    >>> is_test("pkg/cart_test.go", Language.GO), is_test("src/cart.spec.ts", Language.TYPESCRIPT)
    (True, True)
    """
    folder, _, name = path.rpartition("/")
    folders = folder.split("/")
    match language:
        case Language.JAVASCRIPT | Language.TYPESCRIPT:
            marked = any(mark in name for mark in (".test.", ".spec.", "-test.", "_test."))
            return marked or "__tests__" in folders or (folders[0] in ("test", "tests") and "fixtures" not in folders)
        case Language.RUST:
            return "tests" in folders
        case Language.JAVA | Language.KOTLIN | Language.SCALA if "src/test/" in path:
            return True
        case _:
            return any(fnmatchcase(name, pattern) for pattern in _TESTS[language].split())


def is_page(path: str) -> bool:
    first, inside, _ = path.partition("/")
    return bool(inside) and first.lower() in ("docs", "doc", "documentation") and path.lower().endswith(_PAGES)


def is_readme(path: str) -> bool:
    stem, dot, end = path.lower().partition(".")
    return stem == "readme" and dot + end in _READMES


def pipeline_of(path: str) -> str:
    """The system that runs it; empty for what is none."""
    if "/" in path and not path.startswith("."):
        return ""
    return next((system for pattern, system in _PIPELINES.items() if _same_depth(path, pattern)), "")


def _same_depth(path: str, pattern: str) -> bool:
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def is_env_file(path: str) -> bool:
    """
    >>> [name for name in (".env", ".env.production", ".env.example", ".envrc") if is_env_file(name)]
    ['.env', '.env.production']
    """
    name = path.rpartition("/")[2]
    return name == ".env" or (name.startswith(".env.") and name.rpartition(".")[2] not in _HARMLESS_ENDS)


def may_hold_secrets(path: str) -> bool:
    """A text that somebody writes by hand and that runs: no prose, no data, no list of packages, no test, no example."""
    name = path.rpartition("/")[2]
    if path.lower().endswith(_NO_TEXT) or name in LOCKS or name in _PACKAGE_LISTS or is_apart(path):
        return False
    language = language_of(path)
    return language is None or not is_test(path, language)


def telling_first(path: str) -> tuple[bool, str]:
    name = path.rpartition("/")[2].lower()
    return (not any(word in name for word in _TELLING), path)
