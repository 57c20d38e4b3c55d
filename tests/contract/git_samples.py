"""Repositories to ask about, made by the git that is installed."""

import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def run_git(folder: Path, *args: str, **more: str) -> str:
    """What git prints, with an identity and none of the settings of this machine's user; `more` is its environment."""
    argv = ["git", *IDENTITY, *args]
    done = subprocess.run(argv, cwd=folder, check=False, capture_output=True, env={**ENVIRONMENT, **more})
    assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode(errors="surrogateescape").strip()


def new_repository(folder: Path, commit: bool = True) -> Path:
    """On the branch `main`, with one commit `first` of one file, `file`, which holds `x`."""
    folder.mkdir(parents=True)
    run_git(folder, "init", "-q", "-b", "main")
    if commit:
        (folder / "file").write_text("x\n")
        run_git(folder, "add", ".")
        run_git(folder, "commit", "-q", "-m", "first")
    return folder
