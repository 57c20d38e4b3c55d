"""QualityRunner by the tools of Python projects themselves: ruff, mypy, pytest and others."""
