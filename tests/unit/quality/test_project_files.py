"""What a folder on disk holds."""

import asyncio
import itertools
import os
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.memory.project_files import MemoryProjectFiles
from session_mgmt_mcp.adapters.project.files import FolderProjectFiles
from session_mgmt_mcp.contracts.project_files import ProjectFilesContract
from session_mgmt_mcp.ports.project_files import Language


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


class TestFolder(ProjectFilesContract):
    @pytest.fixture
    def project(self, tmp_path):
        return lambda files: (FolderProjectFiles(), write(tmp_path / "shop", {**files}))

    @pytest.fixture(autouse=True)
    def there(self, tmp_path):
        (tmp_path / "shop").mkdir()


class TestMemory(ProjectFilesContract):
    @pytest.fixture
    def project(self):
        return lambda files: (MemoryProjectFiles({Path("/shop"): files}), Path("/shop"))


async def survey(folder: Path, **files: str | bytes):
    return await FolderProjectFiles().survey(write(folder, files))


STACKS = {
    "python": ({"pyproject.toml": "[tool.poetry]\n[tool.pytest.ini_options]\n", "poetry.lock": "", "a.py": "", "test_a.py": ""}, "poetry", "pytest", 1),
    "javascript": ({"package.json": '{"scripts": {"test": "vitest run"}}', "pnpm-lock.yaml": "", "a.js": "", "src/a.test.js": "", "test/b.js": ""}, "pnpm", "vitest", 2),
    "typescript": ({"package.json": '{"packageManager": "yarn@4.1.0", "jest": {}}', "a.ts": "", "__tests__/a.ts": ""}, "yarn", "jest", 1),
    "go": ({"go.mod": "module shop\n", "go.sum": "", "a.go": "", "a_test.go": ""}, "go", "go test", 1),
    "rust": ({"Cargo.toml": "[package]\n", "Cargo.lock": "", "src/lib.rs": "#[cfg(test)]\nmod tests {}\n", "src/a.rs": "", "tests/it.rs": ""}, "cargo", "cargo test", 2),
    "java": ({"pom.xml": "<project/>", "src/main/java/A.java": "", "src/test/java/ATest.java": ""}, "maven", "maven", 1),
    "kotlin": ({"build.gradle.kts": "", "gradle.lockfile": "", "src/main/kotlin/A.kt": "", "src/test/kotlin/B.kt": ""}, "gradle", "gradle", 1),
}  # fmt: skip


@pytest.mark.parametrize("language", STACKS)
async def test_each_language_is_known_by_its_manifest_its_manager_and_its_tests(tmp_path, language):
    files, manager, tests, test_files = STACKS[language]
    found = await FolderProjectFiles().survey(write(tmp_path, files))
    assert next(iter(found.sources)) == Language(language)
    assert [one.manager for one in found.manifests] == [manager]
    assert list(found.test_tools) == [tests] and found.test_files == test_files
    assert bool(found.locks) == any("lock" in name or name == "go.sum" for name in files)


async def test_the_tests_that_npm_init_writes_are_none(tmp_path):
    package = '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'
    assert (await survey(tmp_path, **{"package.json": package})).test_tools == {}


async def test_requirements_lock_when_every_one_is_pinned(tmp_path):
    assert not (await survey(tmp_path, **{"requirements.txt": "flask>=3\nattrs==25.1.0\n"})).locks
    found = await survey(
        tmp_path, **{"requirements.txt": "# by hand\nflask==3.1.0 \\\n    --hash=sha256:00\n-r x.txt\n"}
    )
    assert [one.path for one in found.locks] == ["requirements.txt"] and found.manifests


async def test_pytest_is_found_in_every_file_that_may_configure_it(tmp_path):
    for name, text in {"tox.ini": "[pytest]\n", "setup.cfg": "[tool:pytest]\n", "tests/conftest.py": ""}.items():
        folder = tmp_path / name.replace("/", "_")
        assert (await FolderProjectFiles().survey(write(folder, {name: text}))).test_tools["pytest"] == name


async def test_manifests_of_fixtures_examples_and_vendored_code_are_not_the_project(tmp_path):
    names = ("tests/fixtures/a/package.json", "examples/go.mod", "node_modules/x/package.json", "vendor/y/go.mod")
    found = await survey(tmp_path, **dict.fromkeys(names, "{}"), **{"web/package.json": "{}"})
    assert [one.path for one in found.manifests] == ["web/package.json"]
    assert found.files == 3  # what is vendored is not even looked at


async def test_a_manifest_that_does_not_parse_is_one_all_the_same_and_named(tmp_path):
    broken = {"pyproject.toml": "[tool", "web/package.json": "{", "tox.ini": "no section", "Cargo.toml": "["}
    found = await survey(tmp_path, **broken)
    assert {one.path for one in found.manifests} == {"pyproject.toml", "web/package.json", "Cargo.toml"}
    assert {one.path: one.why for one in found.problems} == dict.fromkeys(
        ("pyproject.toml", "web/package.json", "tox.ini"), "It does not parse."
    )


async def test_manifests_of_the_wrong_shape_are_no_crash(tmp_path):
    shapes = {
        "package.json": "[]",
        "web/package.json": '{"scripts": [1], "packageManager": 7}',
        "pyproject.toml": "tool = 3",
    }
    assert len((await survey(tmp_path, **shapes)).manifests) == 3
    deep = {"package.json": "[" * 100_000, "pyproject.toml": "a = " + "[" * 100_000, "tox.ini": b"\xff\xfe"}
    assert (await FolderProjectFiles().survey(write(tmp_path / "deep", deep))).problems


async def test_pipelines_of_many_systems_are_found_and_only_where_they_belong(tmp_path):
    names = (".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile", ".travis.yml", "azure-pipelines.yml")
    others = ("docs/.travis.yml", ".github/workflows/old/a.yml", ".github/dependabot.yml", "web/Jenkinsfile")
    found = await survey(tmp_path, **dict.fromkeys((*names, *others), "x"))
    assert sorted(path for _, path in found.pipelines) == sorted(names)


async def test_files_of_secrets_are_found_untracked_and_in_packages_and_templates_are_none(tmp_path):
    names = (".env", ".env.local", ".env.example", ".env.sample", ".envrc", "web/.env.production", "web/package.json")
    write(tmp_path, dict.fromkeys(names, "{}"))
    found = await FolderProjectFiles().survey(tmp_path, ["web/package.json"])
    assert found.env_files == [".env", ".env.local", "web/.env.production"]


async def test_links_are_never_followed(tmp_path):
    outside = write(tmp_path / "outside", {"uv.lock": "", "coverage.xml": COBERTURA, "secret.py": "x", ".env": "x"})
    folder = write(tmp_path / "shop", {"a.py": ""})
    (folder / "uv.lock").symlink_to(outside / "uv.lock")
    (folder / "b.py").symlink_to(outside / "secret.py")
    (folder / "coverage").symlink_to(outside)
    (folder / ".env").symlink_to(outside / ".env")
    (folder / "loop").symlink_to(folder)
    files = FolderProjectFiles()
    for tracked in (None, ["a.py", "b.py", "uv.lock", "coverage/secret.py", "../outside/secret.py"]):
        found = await files.survey(folder, tracked)
        assert (found.locks, found.reports, found.env_files, found.problems) == ([], [], [], [])
    paths = ["b.py", "coverage/secret.py", "../outside/secret.py", str(outside / "secret.py"), "loop/a.py"]
    assert [text async for text in files.read(folder, paths)] == []


async def test_a_linked_project_folder_is_read_like_the_real_one(tmp_path):
    write(tmp_path / "shop", {"a.py": "x = 1\n", "coverage.xml": COBERTURA})
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    found = await FolderProjectFiles().survey(tmp_path / "link")
    read = [text.path async for text in FolderProjectFiles().read(tmp_path / "link", found.texts)]
    assert found.reports and "a.py" in read


async def test_what_is_no_regular_file_is_never_opened(tmp_path):
    folder = write(tmp_path / "shop", {"a.py": ""})
    os.mkfifo(folder / "coverage.xml")
    os.mkfifo(folder / "package.json")
    (folder / "pyproject.toml").mkdir()
    files = FolderProjectFiles()
    found = await asyncio.wait_for(files.survey(folder, ["package.json", "coverage.xml", "pyproject.toml"]), 10)
    assert {one.path for one in found.problems} == {"package.json", "pyproject.toml"} and not found.reports
    assert [text async for text in files.read(folder, ["coverage.xml"])] == []


async def test_a_walk_stops_at_its_limit_and_says_so(tmp_path):
    write(tmp_path, {f"src/{n}/a{m}.py": "" for n in range(10) for m in range(10)})
    found = await FolderProjectFiles(most=30).survey(tmp_path)
    assert found.capped and found.files == 30
    assert not (await FolderProjectFiles(most=100).survey(tmp_path)).capped
    assert (await FolderProjectFiles(seconds=-1).survey(tmp_path)).capped
    assert (await FolderProjectFiles(most=30).survey(tmp_path, [f"{n}.py" for n in range(31)])).capped


async def test_texts_are_cut_and_counted_out(tmp_path, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.adapters.project.files.LARGEST_TEXT", 10)
    monkeypatch.setattr("session_mgmt_mcp.adapters.project.files.MOST_TEXT_BYTES", 25)
    write(tmp_path, {f"{n}.py": "x" * 20 for n in range(9)} | {"settings.py": "y" * 5})
    read = [text async for text in FolderProjectFiles().read(tmp_path, [f"{n}.py" for n in range(9)] + ["settings.py"])]
    assert [(text.path, len(text.text), text.whole) for text in read] == [
        ("settings.py", 5, True), ("0.py", 10, False), ("1.py", 10, False)
    ]  # fmt: skip


COBERTURA = '<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://example.org/coverage-04.dtd"><coverage lines-valid="40" lines-covered="30"/>'
REPORTS = {
    "coverage.xml": (COBERTURA, 30, 40),
    "coverage/cobertura-coverage.xml": ('<coverage line-rate="0.5"><packages><package><classes><class><methods><method><lines><line hits="9"/></lines></method></methods><lines><line hits="1"/><line hits="0"/></lines></class></classes></package></packages></coverage>', 1, 2),
    "clover.xml": ('<coverage generated="1"><project><metrics statements="8" coveredstatements="6"/><file><metrics statements="1" coveredstatements="1"/></file></project></coverage>', 6, 8),
    "target/site/jacoco/jacoco.xml": ('<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="shop"><package name="a"><counter type="LINE" missed="1" covered="1"/></package><counter type="BRANCH" missed="9" covered="0"/><counter type="LINE" missed="3" covered="7"/></report>', 7, 10),
    "coverage.json": ('{"meta": {}, "totals": {"covered_lines": 3, "num_statements": 4}}', 3, 4),
    "coverage/coverage-summary.json": ('{"total": {"lines": {"total": 9, "covered": 3, "pct": 33.3}}}', 3, 9),
    "coverage/lcov.info": ("TN:\nSF:a.js\nDA:1,1\nLF:5\nLH:4\nend_of_record\nSF:b.js\nLF:5\nLH:0\nend_of_record\n", 4, 10),
    "coverage.out": ("mode: set\nshop/a.go:3.10,5.2 2 1\nshop/a.go:7.10,9.2 3 0\nshop/a.go:3.10,5.2 2 0\n", 2, 5),
}  # fmt: skip


@pytest.mark.parametrize("path", REPORTS)
async def test_coverage_is_read_from_every_usual_report(tmp_path, path):
    content, covered, total = REPORTS[path]
    [report] = (await survey(tmp_path, **{path: content})).reports
    assert (report.path, report.covered, report.total) == (path, covered, total)
    assert report.time.tzinfo is not None


async def test_reports_are_found_beside_what_is_tracked_and_in_packages(tmp_path):
    write(
        tmp_path,
        {
            "web/package.json": "{}",
            "web/coverage/lcov.info": "SF:a\nLF:2\nLH:1\n",
            "deep/er/lcov.info": "SF:a\nLF:2\nLH:1\n",
        },
    )
    [report] = (await FolderProjectFiles().survey(tmp_path, ["web/package.json"])).reports
    assert report.path == "web/coverage/lcov.info"


def sarif(tool: str, *results: str, rules: str = "[]") -> str:
    return f'{{"version": "2.1.0", "runs": [{{"tool": {{"driver": {{"name": "{tool}", "rules": {rules}}}}}, "results": [{", ".join(results)}]}}]}}'


def result(file: str, level: str = "", more: str = "") -> str:
    said = f'"level": "{level}", ' if level else ""
    return f'{{{said}{more} "locations": [{{"physicalLocation": {{"artifactLocation": {{"uri": "{file}"}}}}}}]}}'


async def test_findings_are_read_from_sarif_with_their_levels(tmp_path):
    rules = '[{"id": "E1", "defaultConfiguration": {"level": "error"}}, {"id": "N1", "defaultConfiguration": {"level": "note"}}]'
    report = sarif(
        "ruff",
        result("a.py", "error"),
        result("a.py"),
        result("b.py", "", '"ruleId": "E1",'),
        result("c.py", "", '"ruleId": "N1",'),
        result("d.py", "note"),
        result("e.py", "error", '"suppressions": [{"kind": "inSource"}],'),
        result("f.py", "error", '"kind": "pass",'),
        rules=rules,
    )
    [found] = (await survey(tmp_path, **{"ruff.sarif": report})).reports
    assert (found.tool, found.check, found.errors, found.warnings, found.files) == ("ruff", "lint", 2, 1, 2)


@pytest.mark.parametrize(
    ("tool", "check"),
    [("ESLint", "lint"), ("mypy", "types"), ("Pyright", "types"), ("Bandit", "security"), ("Semgrep OSS", "security")],
)
async def test_the_tool_says_what_was_checked(tmp_path, tool, check):
    [found] = (await survey(tmp_path, **{"a.sarif": sarif(tool)})).reports
    assert (found.check, found.files) == (check, 0)


async def test_findings_are_read_from_checkstyle(tmp_path):
    report = '<checkstyle version="8"><file name="A.java"><error severity="error"/><error severity="warning"/><error severity="info"/></file><file name="B.java"/></checkstyle>'
    [found] = (await survey(tmp_path, **{"target/checkstyle-result.xml": report})).reports
    assert (found.check, found.errors, found.warnings, found.files) == ("lint", 1, 1, 1)


async def test_test_results_are_read_from_junit_and_those_of_one_folder_are_one_run(tmp_path):
    suite = '<testsuites><testsuite name="s"><testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><error/><failure/></testcase><testcase name="d"><skipped/></testcase></testsuite></testsuites>'
    other = '<testsuite name="t"><testcase name="a"/></testsuite>'
    places = {
        "target/surefire-reports/TEST-a.xml": suite,
        "target/surefire-reports/TEST-b.xml": other,
        "junit.xml": other,
    }
    found = {one.path: (one.run, one.failed, one.skipped) for one in (await survey(tmp_path, **places)).reports}
    assert found == {"target/surefire-reports": (4, 2, 1), "junit.xml": (1, 0, 0)}


async def test_a_report_of_mypy_in_the_form_of_junit_is_no_test_run(tmp_path):
    report = '<testsuite name="mypy"><testcase classname="mypy" name="mypy"><failure/></testcase></testsuite>'
    assert (await survey(tmp_path, **{"mypy.xml": report})).reports == []


BOMB = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><coverage lines-valid="4" lines-covered="3">&b;</coverage>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/hostname">]><coverage lines-valid="4" lines-covered="3">&x;</coverage>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("coverage.xml", BOMB),
        ("coverage.xml", OUTSIDE),
        ("coverage.xml", "<coverage"),
        ("coverage.xml", '<coverage lines-covered="x" lines-valid="9"/>'),
        ("coverage.json", '{"totals": {"covered_lines": "many", "num_statements": 4}}'),
        ("coverage.json", "{"),
        ("coverage.json", '{"a":' * 100_000),
        ("a.sarif", '{"version": "2.1.0", "runs": ['),
        ("a.sarif", '{"version": "2.1.0", "runs": [{"results": [{"locations": 4}]}]}'),
        ("cover.out", "mode: set\nnonsense\n"),
        ("lcov.info", "SF:a\nLF:x\n"),
    ],
)
async def test_a_broken_report_is_named_and_no_evidence(tmp_path, name, content):
    found = await survey(tmp_path, **{name: content})
    assert found.reports == [] and [one.path for one in found.problems] == [name]


@pytest.mark.parametrize(
    "content",
    [
        '<coverage lines-valid="0" lines-covered="0"/>',
        '<coverage lines-valid="3" lines-covered="9"/>',
        "<project/>",
        "",
        "text",
        '{"a": 1}',
        "[]",
    ],
)
async def test_a_file_of_another_kind_is_no_report(tmp_path, content):
    found = await survey(tmp_path, **{"coverage.xml": content, "coverage.json": content})
    assert found.reports == [] and len(found.problems) <= 1


async def test_a_folder_that_is_the_whole_machine_is_walked_for_two_seconds(tmp_path, monkeypatch):
    for number in range(30):
        (tmp_path / str(number)).mkdir()
    clock = itertools.count()
    monkeypatch.setattr("session_mgmt_mcp.adapters.project.listing.time.monotonic", lambda: next(clock) / 10)
    assert (await FolderProjectFiles().survey(tmp_path)).capped, "a tenth of a second each"
