#!/usr/bin/env python3
"""Looks every locked package up among the known vulnerabilities: `.ci/audit.py [--strict]`, by `make audit` and `.ci/run`.

pip-audit asks OSV. What OSV could not be asked about is looked up on the package's own page of the index, which tells
the vulnerabilities of that version, or else of the newest one, where that is the one locked.

Exit code 1: something is known. 2: with --strict, not everything could be looked up. 3: the lock cannot be
read. 0 otherwise; packages that were not audited are named.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from pip._internal.models.index import PyPI

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
AT_ONCE, SECONDS = 8, 20


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    hashes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


Known = dict[Package, list[str]]
"""By package that was looked up, what is known of it."""


def locked(lock: Path) -> list[Package]:
    """All of them, for whatever system or Python. Raises ValueError for one without hashes."""
    found = []
    for part in re.split(r"\n(?=\S)", lock.read_text()):
        if head := re.match(r"([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", part):
            hashes = tuple(re.findall(r"--hash=(\S+)", part))
            if not hashes:
                raise ValueError(f"{head[1]} has no hash in {lock.name}: run `make lock`.")
            found.append(Package(head[1], head[2], hashes))
    if not found:
        raise ValueError(f"{lock} holds no package: run `make lock`.")
    return found


def by_pip_audit(packages: Iterable[Package], url: str) -> Known:
    """From OSV; empty when it cannot be asked."""
    known: Known = {}
    rest = list(packages)
    while rest:  # the same package in two versions, each for its own Python, takes two turns
        turn = {one.name: one for one in reversed(rest)}
        rest = [one for one in rest if one not in turn.values()]
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(
                f"{one.name}=={one.version} {' '.join(f'--hash={h}' for h in one.hashes)}\n" for one in turn.values()
            )
            file.flush()
            command = ["pip-audit", "--requirement", file.name, "--require-hashes", "--disable-pip", "--format", "json"]
            command += [
                "--vulnerability-service",
                "osv",
                "--progress-spinner",
                "off",
                "--desc",
                "off",
                "--timeout",
                str(SECONDS),
            ]
            command += ["--osv-url", url] if url else []
            with tempfile.TemporaryDirectory() as cache:
                command += ["--cache-dir", cache]
                program = Path(sys.executable).parent / command[0]
                done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
        try:
            answer = json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError):
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            print(f"OSV could not be asked: {said[:200]}")
            return known
        for one in answer:
            package = turn.get(one["name"])
            if package is not None and "vulns" in one:
                known[package] = [_sentence(package, vuln["id"], vuln.get("fix_versions")) for vuln in one["vulns"]]
    return known


def by_index(packages: list[Package], index: str) -> Known:
    """From each package's page; without those whose version it does not tell of."""
    try:
        for package in packages[:1]:
            _read(f"{index}/{package.name}/json")
    except OSError as error:
        print(f"The index could not be asked: {error}"[:220])
        return {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(packages, pool.map(lambda one: _on_its_page(one, index), packages), strict=True))
    return {package: told for package, told in found.items() if told is not None}


def _on_its_page(package: Package, index: str) -> list[str] | None:
    for page in (f"{index}/{package.name}/{package.version}/json", f"{index}/{package.name}/json"):
        try:
            told = _read(page)
        except OSError:
            continue
        if told and told.get("info", {}).get("version") == package.version and "vulnerabilities" in told:
            known = [one for one in told["vulnerabilities"] or [] if not one.get("withdrawn")]
            return [_sentence(package, one["id"], one.get("fixed_in")) for one in known]
    return None


def _read(url: str) -> dict[str, Any] | None:
    """None for a page that is not there or no JSON. Raises OSError when nobody answers."""
    try:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - https, or the stand-in of a test
            told = json.load(answer)
    except (HTTPError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _sentence(package: Package, id: str, fixed: list[str] | None) -> str:
    return f"{package}: {id}, " + (f"fixed in {', '.join(fixed)}" if fixed else "no version is known that fixes it")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strict", action="store_true", help="every package must have been looked up")
    parser.add_argument("--lock", type=Path, default=LOCK)
    strict, lock = (given := parser.parse_args()).strict, given.lock
    try:
        packages = locked(lock)
    except (OSError, ValueError) as error:
        print(error)
        return 3
    osv = by_pip_audit(packages, os.environ.get("AUDIT_OSV_URL", ""))
    pages = by_index([one for one in packages if one not in osv], os.environ.get("AUDIT_INDEX_URL", PyPI.pypi_url))
    known = osv | pages
    for sentence in (one for told in known.values() for one in told):
        print(sentence)
    left = [one for one in packages if one not in known]
    bad = sum(map(bool, known.values()))
    print(
        f"audited: {len(known)} of {len(packages)} locked packages ({len(osv)} by OSV, {len(pages)} by their page of the "
        f"index), {datetime.now(UTC):%Y-%m-%d}; known to be vulnerable: {bad}"
    )
    if left:
        which = (
            ", ".join(map(str, left)) if known else "nothing was checked; run it where OSV or the index can be reached"
        )
        print(f"not audited: {len(left)} of {len(packages)}, no service told of them: {which}")
    if bad:
        return 1
    return 2 if strict and left else 0


if __name__ == "__main__":
    sys.exit(main())
