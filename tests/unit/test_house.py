"""The house is as its first page says."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAPPED = PROJECT["tool"]["setuptools"]["package-dir"]


def folders() -> set[str]:
    """Every folder that holds our importable code, under its package name."""
    found = set()
    for package, top in MAPPED.items():
        for init in (ROOT / top).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / top).parts
            found.add(".".join([package, *inner]))
    return found


def test_the_listed_packages_are_the_folders():
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders()


def test_no_adapter_is_left_out_of_the_contract_that_keeps_them_apart():
    contracts = {contract["type"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    adapters = {package for package in folders() if package.startswith("session_mgmt_mcp.adapters.")}
    assert set(contracts["independence"]["modules"]) == adapters - {"session_mgmt_mcp.adapters"}


def test_the_decision_on_libraries_names_every_requirement():
    page = (ROOT / "docs" / "architecture" / "0013-libraries.md").read_text().lower()
    names = {re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
    assert {name for name in names if not name.startswith("tree-sitter-") and name not in page} == set()


def test_decisions_are_numbered_without_a_gap_and_listed():
    pages = sorted((ROOT / "docs" / "architecture").glob("[0-9]*.md"))
    listed = re.findall(r"\| \[(\d{4})\]\((.+)\) \|", (ROOT / "docs" / "architecture" / "README.md").read_text())
    assert listed == [(f"{number:04}", page.name) for number, page in enumerate(pages, 1)]
    assert all(page.read_text().startswith(f"# {page.name[:4]} ") for page in pages)


def test_each_package_says_in_a_docstring_what_belongs_there():
    for package, top in MAPPED.items():
        for init in (ROOT / top).rglob("__init__.py"):
            assert init.read_text().startswith('"""'), f"{package}: {init}"


def test_the_wheel_holds_every_package_and_nothing_else(tmp_path):
    uv = Path(sys.prefix) / "bin" / "uv"
    options = ["--wheel", "--no-build-isolation", "--offline", "--no-cache", "--python", sys.executable]
    command = [uv, "build", *options, "--out-dir", tmp_path, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    packages = {name.rpartition("/")[0].replace("/", ".") for name in names if name.endswith("/__init__.py")}
    assert packages == folders()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"session_mgmt_mcp"}
    for data in ("adapters/onnx/tokenizer.json", "py.typed", "samples"):
        assert any(name.startswith(f"session_mgmt_mcp/{data}") for name in names), data


@pytest.mark.parametrize("module", ["session_mgmt_mcp", "session_mgmt_mcp.server", "session_mgmt_mcp.hook"])
def test_light_modules_import_nothing_but_the_standard_library(module):
    code = (
        f"import sys, {module}; "
        "print([m for m in sys.modules if m.split('.')[0] not in sys.stdlib_module_names | {'session_mgmt_mcp'} "
        "and not m.startswith(('_', 'sitecustomize', 'usercustomize')) and '.pth' not in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_lock_has_hashes_and_no_download_address():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock and "--index" not in lock and "--hash=sha256:" in lock


def test_no_committed_file_names_a_machine_path_or_a_registry():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    banned = ["/".join(["", "root", ""]), "/".join(["", "work", ""]), "pypi" + ".org", "registry.npm" + "js"]
    for name in filter(None, files.split("\0")):
        text = (ROOT / name).read_text(errors="replace")
        for word in banned:
            assert word not in text, f"{name} holds {word}"
