"""Whether a file holds what it held before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class FileDigests(Protocol):
    """What files hold, as short texts that differ when the content does. Reads only.

    >>> await digests.read(Path("/home/you/shop"), ["cart.py", "gone.py"])
    {'cart.py': 'b5d4045c3f466fa91fe2cc6abe79232a'}
    """

    async def read(self, root: Path, paths: Sequence[str]) -> Mapping[str, str]:
        """The digest of each of `paths`, which are from `root`, with `/`.

        What is gone, is no file, cannot be read, or lies outside of `root`, also by a link, is left out.
        """
