"""Transcripts of sessions that we made up, for the demo and for tests: two projects, four sessions, one subagent."""

import os
from pathlib import Path


def folder() -> Path:
    """Where they lie on disk; in an editable install this is where its links end."""
    return Path(os.path.realpath(__file__)).parent
