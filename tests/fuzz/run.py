"""`python -m tests.fuzz.run TARGET --seconds 30`: one target, guided by the coverage of what it calls.

Starts from the kept inputs and from rows of ingredients; prints how many were tried, what they covered, and how many were
worth keeping. An input that breaks something is written to .cache/fuzz/TARGET/ and named; the exit code is then not 0.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.inputs import TARGETS, composed, load, seeds

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 1_024  # bytes of an input: growth has its own test
SLOWEST = 10  # seconds that one input may take
MEMORY = 1_500  # MB
FIRST = 300  # rows of ingredients, where a target does not say otherwise
AT_ONCE = min(2, os.cpu_count() or 1)
_STATUS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")


def fuzz(name: str, seconds: int, options: list[str]) -> None:
    """In this process, which libFuzzer ends."""
    import atheris

    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["session_mgmt_mcp"], enable_loader_override=False):
        target = load(name)
    atheris.Setup([sys.argv[0], *options], atheris.instrument_func(target.check))
    atheris.Fuzz()


def _dictionary(ingredients: tuple[bytes, ...], path: Path) -> Path:
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in ingredients if 0 < len(word) <= 64)
    path.write_text("".join(f'"{word}"\n' for word in words))
    return path


def run(name: str, seconds: int, seed: int = 1) -> tuple[int, str]:
    """The exit code of a fuzzer in a process of its own, and a line about it (with its last words when it broke)."""
    kept = ROOT / ".cache" / "fuzz" / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        home = Path(folder)
        for place in ("corpus", "home", "tmp"):
            (home / place).mkdir()
        target = load(name)
        ingredients: tuple[bytes, ...] = target.INGREDIENTS
        first = [path.read_bytes() for path in seeds(name)] + composed(
            ingredients, getattr(target, "FIRST", FIRST), seed
        )
        for number, data in enumerate(first):
            (home / "corpus" / f"{number:04}").write_bytes(data)
        options = [
            str(home / "corpus"),
            f"-max_total_time={seconds}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MEMORY}",
            f"-max_len={LONGEST}",
            f"-seed={seed}",
            f"-dict={_dictionary(ingredients, home / 'words')}",
            f"-artifact_prefix={kept}/",
            "-print_final_stats=1",
        ]
        command = [sys.executable, "-m", "tests.fuzz.run", name, "--here", *options]
        done = subprocess.run(command, cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=False)
    said = done.stderr
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    status = _STATUS.findall(said)
    covered, features, size = status[-1] if status else ("0", "0", "0")
    line = f"{name}: {tried[1] if tried else 0} tried, {covered} branches, {features} features, {size} kept of {len(first)} to begin with"
    return done.returncode, line if not done.returncode else f"{line}\n{said[-6_000:]}"


def _environment(home: Path) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("SESSION_MGMT_", "CLAUDE"))}
    mine |= {"FASTMCP_ENABLE_RICH_LOGGING": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    places = {"HOME": home / "home", "TMPDIR": home / "tmp", "XDG_RUNTIME_DIR": home / "tmp"}
    return {
        **mine,
        **{name: str(place) for name, place in places.items()},
        "SESSION_MGMT_DATA_DIR": str(home / "home" / "data"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("target", choices=("all", *TARGETS))
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked, options = parser.parse_known_args()
    if asked.here:
        fuzz(asked.target, asked.seconds, options)
    names = TARGETS if asked.target == "all" else (asked.target,)
    worst = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for code, line in pool.map(lambda name: run(name, asked.seconds, asked.seed), names):
            print(line, flush=True)
            worst = worst or code
    return worst


if __name__ == "__main__":
    sys.exit(main())
