"""What can be set, where, and by whom: environment, then the project's pyproject.toml, then the user's file."""

import os
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from session_mgmt_mcp import paths
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.ports.secret_store import variable_of

PROJECT_SETTABLE = frozenset({"search_limit", "max_tokens", "min_score", "half_life_days"})
"""What `[tool.session-mgmt]` in a project may set: nothing that a cloned repository could do harm with."""

ENVIRONMENT_ONLY = frozenset({"data_dir", "log_dir", "quality_environment"})
"""The shim and the hooks need these before any file is read."""


class Settings(BaseSettings):
    """Every setting, with its default. `SESSION_MGMT_<NAME>` in the environment wins over both files."""

    model_config = SettingsConfigDict(env_prefix="SESSION_MGMT_", extra="ignore", frozen=True)

    data_dir: Path = Field(default_factory=paths.data_dir, description="Where all state lives. Environment only.")
    log_dir: Path = Field(default_factory=paths.log_dir, description="Where the hub's logs go. Environment only.")
    idle_exit: float = Field(600.0, gt=0, description="Seconds without a client after which the hub ends itself.")
    transcripts_dir: Path = Field(
        Path("~/.claude/projects"), description="Where Claude Code leaves its transcripts; read, never written."
    )
    catch_up: bool = Field(
        True, description="After a first `import`, take in at hub start what was written while no hub was running."
    )
    vector_store: Literal["duckdb", "lancedb", "memory"] = Field(
        "duckdb", description="Which adapter keeps the memories."
    )
    lancedb_uri: str = Field(
        "",
        description="Where LanceDB keeps them: a folder, or s3://bucket/prefix with the server, region and keys of S3; "
        "default: memories.lance in the data directory.",
    )
    team_store: str = Field(
        "",
        description="Where memories lie that are shared with a team, as a LanceDB: a folder that all reach, or "
        "s3://bucket/prefix; default: among your own.",
    )
    session_storage: Literal["local", "redis", "s3", "memory"] = Field(
        "local", description="Which adapter keeps your own sessions and what goes with them, of all your machines."
    )
    shared_storage: Literal["local", "redis", "s3", "memory"] = Field(
        "local", description="Which adapter keeps what is shared: teams, groups of projects, serverless sessions."
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="Where Redis is, as rediss://user@host:6379/0; its password comes from SESSION_MGMT_REDIS_PASSWORD "
        "or the keyring.",
    )
    redis_namespace: str = Field(
        "session-mgmt",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="What the keys of this product begin with: whoever is to share has the same.",
    )
    s3_bucket: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$",
        description="The bucket, which must exist; its keys come from SESSION_MGMT_S3_ACCESS_KEY_ID and "
        "SESSION_MGMT_S3_SECRET_ACCESS_KEY, or the keyring.",
    )
    s3_prefix: str = Field(
        "session-mgmt",
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*)?$",
        max_length=200,
        description="Below which the objects lie in the bucket: whoever is to share has the same.",
    )
    s3_endpoint: str = Field("", description="Another server than Amazon's, as https://s3.example.com.")
    s3_region: str = Field("us-east-1", pattern=r"^[A-Za-z0-9-]{1,64}$", description="The region of the bucket.")
    user_id: str = Field("", description="Who you are in teams; default: your name on this machine.")
    embedder: Literal["onnx", "memory"] = Field("onnx", description="Which adapter makes the vectors.")
    model_path: str | None = Field(
        None, description="Another ONNX embedding model: a file, or `name@revision` from the local Hugging Face cache."
    )
    tokenizer_path: Path | None = Field(None, description="The tokenizer.json of that model.")
    embed_threads: int = Field(2, ge=1, le=64, description="Threads that make vectors in the background.")
    search_limit: int = Field(5, ge=1, le=50, description="Hits of a search that names no limit.")
    max_tokens: int = Field(4_000, ge=100, le=100_000, description="Token budget of one search's answer.")
    min_score: float = Field(0.25, ge=0, le=1, description="Hits that are less sure than this are left out.")
    half_life_days: float = Field(
        180.0, ge=0, description="After so many days a memory counts half as recent; 0 switches time decay off."
    )

    interruption_gap_minutes: float = Field(
        30.0,
        ge=1,
        le=1_440,
        description="A silence of so long between two prompts is an interruption, while monitored.",
    )
    timezone: str | None = Field(
        None, description="The time zone that times in words are read in, as Europe/Berlin; default: the machine's."
    )

    quality_runner: Literal["auto", "crackerjack", "pytools"] = Field(
        "auto",
        description="What runs quality tools: auto is crackerjack where it has a tool for the command, else the project's own.",
    )
    crackerjack_command: str | None = Field(
        None,
        description="How crackerjack is called, as `uv tool run crackerjack`; default: found in the project or on the PATH.",
    )
    quality_environment: str = Field(
        "",
        pattern=r"^\w*(,\w+)*$",
        description="Variables that quality runs inherit beside the harmless ones, as A,B. Environment only.",
    )

    checkpoint_commit: bool = Field(
        False, description="A checkpoint commits the changed tracked files; else only where `permissions` allows it."
    )

    briefing: bool = Field(
        True,
        description="Tell a session at its beginning what the last one left; the environment variable spares the wait.",
    )
    query_log: bool = Field(
        True, description="Keep the newest searches, redacted, for get_search_metrics and search_suggestions."
    )

    llm_providers: str = Field(
        "",
        pattern=r"^((anthropic|openai|gemini|ollama)(,(anthropic|openai|gemini|ollama))*)?$",
        description="Which language models may be asked, as ollama,anthropic: the first where a call names none, the "
        "others where the one before fails; default: only the one that a call names.",
    )
    anthropic_model: str = Field("", max_length=200, description="The model that anthropic is asked by default.")
    anthropic_base_url: str = Field("", description="Another server that speaks its format; default: the vendor's.")
    openai_model: str = Field("", max_length=200, description="The model that openai is asked by default.")
    openai_base_url: str = Field(
        "", description="Any server that speaks its format, as http://127.0.0.1:8080/v1; default: the vendor's."
    )
    gemini_model: str = Field("", max_length=200, description="The model that gemini is asked by default.")
    gemini_base_url: str = Field("", description="Another server that speaks its format; default: the vendor's.")
    ollama_model: str = Field("", max_length=200, description="The model that ollama is asked by default.")
    ollama_base_url: str = Field("http://127.0.0.1:11434", description="Where Ollama is.")
    llm_timeout: float = Field(120.0, ge=1, le=3_600, description="Seconds that one call of a language model may take.")
    llm_call_tokens: int = Field(
        50_000, ge=0, description="Tokens, read and written, that one call may use; 0: no call is made at all."
    )
    llm_day_tokens: int = Field(
        500_000, ge=0, description="Tokens that all calls of a day may use; 0: no call is made at all."
    )
    llm_call_cost: float | None = Field(
        None, ge=0, description="US dollars that one call may cost; a model without a known price is then not asked."
    )
    llm_day_cost: float | None = Field(None, ge=0, description="US dollars that all calls of a day may cost.")
    llm_polish: bool = Field(
        False,
        description="Have a language model write a summary of each session at its end, shown beside the handoff.",
    )

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        try:
            return value and ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("name a time zone of the IANA list, for example Europe/Berlin") from None

    @field_validator("redis_url")
    @classmethod
    def _redis_without_password(cls, value: str) -> str:
        return _address(value, ("redis", "rediss", "unix"), "redis-password", user=True)

    @field_validator("s3_endpoint")
    @classmethod
    def _endpoint_without_keys(cls, value: str) -> str:
        return value and _address(value, ("https", "http"), "s3-secret-access-key", user=False)

    @field_validator("anthropic_base_url", "openai_base_url", "gemini_base_url", "ollama_base_url")
    @classmethod
    def _model_server(cls, value: str, info: ValidationInfo) -> str:
        vendor = str(info.field_name).removesuffix("_base_url")
        return value and _address(value, ("https", "http"), f"{vendor}-api-key", user=False).rstrip("/")

    @field_validator("lancedb_uri", "team_store")
    @classmethod
    def _place_of_memories(cls, value: str) -> str:
        if value and ("://" in value or value.startswith("s3:")):
            checked = _address(value, ("s3",), "s3-secret-access-key", user=False)
            if not urlsplit(checked).path.strip("/"):
                raise ValueError("name a prefix below the bucket, as s3://bucket/memories")
            return checked.rstrip("/")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _UserFile(settings_cls, user_file())


def _address(value: str, schemes: tuple[str, ...], secret: str, user: bool) -> str:
    """Raises ValueError, which never quotes it: it may hold a secret."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    if parts.password is not None or parts.query or (parts.username and not user):
        raise ValueError(
            f"leave passwords, keys and parameters out of it: the secret belongs into the keyring as {secret}, "
            f"or into {variable_of(secret)}"
        )
    if parts.scheme not in schemes or parts.fragment or not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise ValueError(f"give an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return value


class _UserFile(TomlConfigSettingsSource):
    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if name not in ENVIRONMENT_ONLY}


def user_file() -> Path:
    """`settings.toml` in the data directory; it need not exist."""
    return paths.data_dir() / "settings.toml"


def load(**overrides: Any) -> Settings:
    """The settings in force outside of any project. Raises Invalid, which names the setting or the file, and Unavailable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise _wrong(error) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{user_file()} is not valid TOML ({error}): mend or remove it.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{user_file()} is not UTF-8 text: mend or remove it.") from None
    except OSError as error:
        raise Unavailable(f"{user_file()} cannot be read ({error.strerror}): make it readable or remove it.") from error


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with others of some names. Raises Invalid with one sentence that names the setting."""
    try:
        checked = Settings.model_validate({**settings.model_dump(), **values})
    except ValidationError as error:
        raise _wrong(error) from None
    return settings.model_copy(update={name: getattr(checked, name) for name in values})


def named_in_environment() -> set[str]:
    """Settings that the environment decides, whatever the files say."""
    return {name for name in Settings.model_fields if f"SESSION_MGMT_{name.upper()}" in os.environ}


def _wrong(error: ValidationError) -> Invalid:
    """Without what was given: it may hold a secret."""
    first = error.errors(include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    return Invalid(f"The setting {name} is wrong ({first['msg']}): see docs/configuration.md.")


def for_project(settings: Settings, project_dir: str) -> Settings:
    """`settings` with the project's own harmless ones; whatever else its pyproject.toml sets is passed over."""
    asked = _asked_by_project(Path(project_dir) / "pyproject.toml") if project_dir else {}
    wanted = {name: asked[name] for name in (PROJECT_SETTABLE & asked.keys()) - named_in_environment()}
    if not wanted:
        return settings
    try:
        checked = Settings.model_validate({**settings.model_dump(), **wanted})
    except ValidationError:
        return settings  # a broken line in a cloned repository must not break the user's tools
    return settings.model_copy(update={name: getattr(checked, name) for name in wanted})


def _asked_by_project(file: Path) -> Mapping[str, Any]:
    try:
        return _read(file, file.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _read(file: Path, _mtime: int) -> Mapping[str, Any]:
    try:
        with file.open("rb") as stream:
            tool = tomllib.load(stream).get("tool")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}
    table = tool.get("session-mgmt") if isinstance(tool, dict) else None
    return {name.replace("-", "_"): value for name, value in table.items()} if isinstance(table, dict) else {}
