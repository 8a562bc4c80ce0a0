"""Settings from the environment and `.env`: read when asked, checked together, frozen."""

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsInvalid


class EmbedderKind(StrEnum):
    AUTO = "auto"
    OPENAI = "openai"
    LOCAL = "local"


def _one_line(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if value.split() != [value]:
        raise ValueError("must be one word: a blank or a line break came along with it")
    return secret


def _folder(path: Path) -> Path:
    return path.expanduser()


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return text.rstrip("/")


Secret = Annotated[SecretStr, AfterValidator(_one_line)]


class Settings(BaseSettings):
    """Everything an operator can set; the field's name in capitals is the variable's."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="forbid"
    )

    discord_token: Secret | None = None
    openai_api_key: Secret | None = None
    openai_base_url: Annotated[str, AfterValidator(_url)] | None = None
    embedder: EmbedderKind = EmbedderKind.AUTO
    embedding_model: Annotated[str, Field(min_length=1)] = "text-embedding-3-large"
    embedding_dimensions: Annotated[int, Field(ge=1, le=16_384)] | None = None
    data_dir: Annotated[Path, AfterValidator(_folder)] = Path("data")
    faiss_index: Annotated[str, Field(min_length=1)] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        problems = []
        if self.embedder is EmbedderKind.OPENAI and self.openai_api_key is None:
            problems.append("OPENAI_API_KEY: is needed, since EMBEDDER is openai")
        if self.discord_token and self.discord_token.get_secret_value().startswith("sk-"):
            problems.append("DISCORD_TOKEN: holds an OpenAI key; it belongs into OPENAI_API_KEY")
        if self.openai_api_key and self.openai_api_key.get_secret_value().count(".") == 2:  # noqa: PLR2004
            problems.append("OPENAI_API_KEY: looks like a Discord token; it belongs into DISCORD_TOKEN")
        if problems:
            raise _Together(problems)
        return self

    @property
    def uses_openai(self) -> bool:
        if self.embedder is EmbedderKind.AUTO:
            return self.openai_api_key is not None
        return self.embedder is EmbedderKind.OPENAI


class _Together(ValueError):
    """Problems between settings, each already beginning with its setting's name."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(*problems)


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsInvalid with every problem at once, secrets left out."""
    try:
        return Settings()
    except ValidationError as error:
        problems = tuple(line for details in error.errors() for line in _lines(dict(details)))
        raise SettingsInvalid(problems) from None


def _lines(details: dict[str, object]) -> list[str]:
    context = details.get("ctx")
    cause = context.get("error") if isinstance(context, dict) else None
    if isinstance(cause, _Together):
        return [str(problem) for problem in cause.args]
    location = details["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) else ""
    if details["type"] == "extra_forbidden":
        return [f"{name}: is no setting of this bot"]
    return [f"{name}: {cause or details['msg']}"]


def set_up_logging(level: str) -> None:
    """Logs go to standard error; the libraries' own chatter stays out of them."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for noisy in ("aiosqlite", "httpcore2", "httpx2", "openai", "stamina", "faiss", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
