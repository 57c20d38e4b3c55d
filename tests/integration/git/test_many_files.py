"""A hundred thousand tracked files: every answer comes, and in what time is printed (`pytest -s`)."""

import subprocess
import time
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository

FILES = 100_000
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def huge(tmp_path: Path, git) -> Path:
    folder = tmp_path / "huge"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    names = [".gitignore", *(f"d{n // 5_000}/e{n // 100}/f{n}.py" for n in range(FILES))]
    stream = ["commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 3\nall\n"]
    for name in names:
        text = f"# {name}\n" if name.endswith(".py") else "*.pyc\n"
        stream.append(f"M 100644 inline {name}\ndata {len(text)}\n{text}\n")
    quietly = ["git", "fast-import", "--quiet"]
    subprocess.run(quietly, cwd=folder, input="".join(stream).encode(), check=True, capture_output=True)
    git(folder, "reset", "-q", "--hard")
    return folder


async def test_each_question_is_answered_within_seconds(huge):
    (huge / "d0" / "e0" / "f0.py").write_text("changed\n")
    asks = SubprocessGitRepository()
    paths = [f"d{n // 5_000}/e{n // 100}/x{n}.{'pyc' if n % 2 else 'py'}" for n in range(FILES)]
    questions = {
        "state": lambda: asks.state(huge), "log": lambda: asks.log(huge), "diff_stat": lambda: asks.diff_stat(huge),
        "diff": lambda: asks.diff(huge), "tracked": lambda: asks.tracked(huge),
        "ignored, one": lambda: asks.ignored(huge, ["a.pyc"]), "ignored, all": lambda: asks.ignored(huge, paths),
    }  # fmt: skip
    answers = {}
    for what, ask in questions.items():
        begun = time.perf_counter()
        answers[what] = await ask()
        took = time.perf_counter() - begun
        print(f"{what}: {took * 1000:.0f} ms")
        assert took < 10, what
    assert [one.path for one in answers["state"].changed] == ["d0/e0/f0.py"]
    assert len(answers["tracked"]) == FILES + 1 and answers["ignored, all"] == set(paths[1::2])
    assert answers["diff_stat"].files == {"d0/e0/f0.py": (1, 1)} and "+changed" in answers["diff"]
    assert len(answers["log"][0].files) == FILES + 1
