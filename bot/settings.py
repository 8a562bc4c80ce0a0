"""Settings from the environment and `.env`: read when asked, checked together, frozen."""

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsInvalid

_SHORTEST_DATA_KEY = 8  # a long one is wanted; this is what is no key at all


class EmbedderKind(StrEnum):
    AUTO = "auto"
    OPENAI = "openai"
    LOCAL = "local"


def _one_line(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if value.split() != [value] or not value.isascii():
        raise ValueError("must be one word of plain letters: a blank, a line break or the like came along with it")
    return secret


def _token(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().startswith("sk-"):
        raise ValueError("holds an OpenAI key; it belongs into OPENAI_API_KEY")
    return _one_line(secret)


def _key(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().count(".") == 2:  # noqa: PLR2004  # a token has three parts
        raise ValueError("looks like a Discord token; it belongs into DISCORD_TOKEN")
    return _one_line(secret)


def _data_key(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if len(value) < _SHORTEST_DATA_KEY or value != value.strip() or not value.isprintable():
        raise ValueError(
            f"must be 64 hexadecimal digits, or a passphrase of at least {_SHORTEST_DATA_KEY} characters in one line"
        )
    return secret


def _first_line(path: object) -> SecretStr:
    """What a file holds instead of the environment."""
    try:
        return SecretStr(_folder(Path(str(path))).read_text("utf-8").removesuffix("\n").removesuffix("\r"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError("names a file that is no text") from None


def _folder(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("names the home of somebody who is not known here") from error


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or not urlsplit(text).hostname:
        raise ValueError("must be an address that begins with http:// or https://")
    return text.rstrip("/")


def _ids(told: object) -> object:
    """Ids as they stand in the environment, between commas."""
    if not isinstance(told, str):
        return told
    names = [name.strip() for name in told.split(",") if name.strip()]
    if odd := [name for name in names if not (name.isascii() and name.isdigit())]:
        raise ValueError(f"{odd[0]} is no id; write the ids of servers, with commas between them")
    return frozenset(map(int, names))


class Settings(BaseSettings):
    """Everything an operator can set; the field's name in capitals is the variable's."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="forbid"
    )

    discord_token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    embedder: EmbedderKind = EmbedderKind.AUTO
    openai_api_key: Annotated[SecretStr, AfterValidator(_key)] | None = Field(default=None, validate_default=True)
    openai_base_url: Annotated[str, AfterValidator(_url)] | None = None
    embedding_model: Annotated[str, Field(min_length=1)] = "text-embedding-3-large"
    embedding_dimensions: Annotated[int, Field(ge=1, le=16_384)] | None = None
    embedding_price_usd: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)] | None = None
    embed_monthly_budget_usd: Annotated[float, Field(gt=0, le=10**6, allow_inf_nan=False)] | None = None
    embed_server_budget_usd: Annotated[float, Field(gt=0, le=10**6, allow_inf_nan=False)] | None = None
    allowed_servers: Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)] = frozenset()
    data_dir: Annotated[Path, AfterValidator(_folder)] = Path("data")
    data_key: Annotated[SecretStr, AfterValidator(_data_key)] | None = None
    data_key_file: Annotated[SecretStr, BeforeValidator(_first_line), AfterValidator(_data_key)] | None = None
    faiss_index: Annotated[str, Field(min_length=1)] = "auto"
    memory_limit_mb: Annotated[int, Field(ge=256, le=2**20)] = 1024
    removal_grace_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 24
    retention_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    reconcile_days: Annotated[float, Field(gt=0, le=365)] = 7
    member_queries_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 30
    server_queries_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("openai_api_key")
    @classmethod
    def _is_there_when_needed(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if key is None and info.data.get("embedder") is EmbedderKind.OPENAI:
            raise ValueError("is needed, since EMBEDDER is openai")
        return key

    @field_validator("data_key_file")
    @classmethod
    def _is_the_only_one(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if None not in (key, other := info.data.get("data_key")) and key != other:
            raise ValueError("holds another key than DATA_KEY: leave one of them away")
        return key

    @property
    def key_of_the_data(self) -> str | None:
        """What the database is encrypted with, wherever it stands."""
        key = self.data_key or self.data_key_file
        return None if key is None else key.get_secret_value()

    @property
    def uses_openai(self) -> bool:
        if self.embedder is EmbedderKind.AUTO:
            return self.openai_api_key is not None
        return self.embedder is EmbedderKind.OPENAI

    @property
    def embedding_service(self) -> str | None:
        """Whom texts are sent to, by name; None where they stay on this machine."""
        if not self.uses_openai:
            return None
        host = urlsplit(self.openai_base_url or "").hostname
        return "OpenAI" if host in (None, "api.openai.com") else host

    @property
    def offered_to(self) -> frozenset[int] | None:
        """The servers that may use the bot; None for all."""
        return self.allowed_servers or None

    @property
    def may_use_openai(self) -> bool:
        """Whether texts may leave this machine, for vectors that were made with OpenAI as well."""
        return self.openai_api_key is not None and self.embedder is not EmbedderKind.LOCAL


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsInvalid with every problem at once, secrets left out."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsInvalid(tuple(_line(dict(details)) for details in error.errors())) from None
    except UnicodeDecodeError:
        raise SettingsInvalid((".env: is not UTF-8; save it as UTF-8",)) from None


def _line(details: dict[str, Any]) -> str:
    """One problem, beginning with the name of its variable."""
    reason = details.get("ctx", {}).get("error") or details["msg"]
    name = str(details["loc"][0]).upper()
    return f"{name}: is no setting of this bot" if details["type"] == "extra_forbidden" else f"{name}: {reason}"


def set_up_logging(level: str) -> None:
    """Logs go to standard error; the libraries' own chatter stays out of them."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for noisy in ("aiosqlite", "httpcore2", "httpx2", "openai", "stamina", "faiss", "filelock", "matplotlib", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # At DEBUG it writes whole events, texts and all.
    logging.getLogger("discord").setLevel(max(logging.getLevelNamesMapping()[level], logging.INFO))
    # Their warnings of rate limits have addresses with the tokens of interactions in them.
    for told_by in ("discord.http", "discord.webhook"):
        logging.getLogger(told_by).setLevel(logging.ERROR)
    # It warns at every start that there is no voice; a lost connection, which it reports as an error, is heard.
    logging.getLogger("discord.client").setLevel(logging.ERROR)
