"""The command that scores source distributions, on an archive made here."""

import tarfile
from pathlib import Path

from benchmarks.projects import Project, scored, table, unpacked


async def test_a_distribution_is_scored_without_what_only_its_repository_would_tell(tmp_path: Path):
    top = tmp_path / "shop-1.0"
    (top / "docs").mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock", "README.md", "docs/a.md", "cart.py", ".gitignore"):
        (top / name).write_text("")
    with tarfile.open(tmp_path / "shop-1.0.tar.gz", "w:gz") as tar:
        tar.add(top, "shop-1.0")
    (tmp_path / "place").mkdir()
    folder = unpacked(tmp_path / "shop-1.0.tar.gz", tmp_path / "place")
    row = await scored(Project("pypi", "shop", "1.0"), tmp_path / "shop-1.0.tar.gz", folder)
    known = {one.name: one.points for one in row.score.components if one.points is not None}
    assert known == {"packaging": 5, "tests": 0, "docs": 3, "CI": 0, "hygiene": 5}
    assert (row.language, row.files, row.score.total) == ("python", 6, 52)
    assert "| shop 1.0 | pypi | python | 6 | 52 | 25 | 5 | 0 | 3 | 0 | 5 | as all |" in table([row])
    assert "Unknown in all of them: branches, commits, complexity" in table([row])
