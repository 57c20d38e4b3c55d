"""Files that a tool without a notion of a project must be kept from: tests, environments, what was built."""

from pathlib import PurePosixPath

FOLDERS = frozenset(
    {".venv", "venv", ".tox", ".nox", ".eggs", ".git", "__pycache__", "node_modules", "site-packages", "build", "dist"}
)
TEST_FOLDERS = frozenset({"tests", "test", "testing"})


def is_kept_out(file: str, *, tests: bool = True) -> bool:
    """`file` is a path from the project's folder; `tests`: whether tests are kept out as well.

    >>> is_kept_out("tests/test_cart.py"), is_kept_out("shop/cart.py")
    (True, False)
    """
    path = PurePosixPath(file)
    folders = set(path.parts[:-1])
    if folders & FOLDERS or any(name.startswith(".") for name in folders):
        return True
    named = path.name.startswith("test_") or path.name.endswith("_test.py") or path.name == "conftest.py"
    return tests and bool(named or folders & TEST_FOLDERS)
