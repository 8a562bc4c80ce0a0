import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.errors import SettingsInvalid
from bot.settings import EmbedderKind, Settings, read_settings

ROOT = Path(__file__).parents[1]
TOKEN = "token-SECRET-token"
KEY = "sk-SECRET-key"
DATA_KEY = "a SECRET passphrase 鍵"

# Each setting with a value as it is written, and as it is read.
EVERY = {
    "DISCORD_TOKEN": (TOKEN, TOKEN),
    "OPENAI_API_KEY": (KEY, KEY),
    "OPENAI_BASE_URL": ("http://localhost:8080/v1/", "http://localhost:8080/v1"),
    "EMBEDDER": ("local", EmbedderKind.LOCAL),
    "EMBEDDING_MODEL": ("text-embedding-3-small", "text-embedding-3-small"),
    "EMBEDDING_DIMENSIONS": ("256", 256),
    "EMBEDDING_PRICE_USD": ("0.05", 0.05),
    "EMBED_MONTHLY_BUDGET_USD": ("12.5", 12.5),
    "EMBED_SERVER_BUDGET_USD": ("2.5", 2.5),
    "ALLOWED_SERVERS": ("1000, 2000,", frozenset({1000, 2000})),
    "DATA_DIR": ("elsewhere", Path("elsewhere")),
    "DATA_KEY": (DATA_KEY, DATA_KEY),
    "DATA_KEY_FILE": ("data.key", DATA_KEY),
    "FAISS_INDEX": ("ivf-flat", "ivf-flat"),
    "MEMORY_LIMIT_MB": ("256", 256),
    "REMOVAL_GRACE_HOURS": ("0.5", 0.5),
    "RETENTION_DAYS": ("0.5", 0.5),
    "RECONCILE_DAYS": ("0.5", 0.5),
    "MEMBER_QUERIES_PER_MINUTE": ("6", 6),
    "SERVER_QUERIES_PER_MINUTE": ("60", 60),
    "LOG_LEVEL": ("DEBUG", "DEBUG"),
}


@pytest.fixture(autouse=True)
def key_file(tmp_path):
    (tmp_path / "data.key").write_text(f"{DATA_KEY}\n", "utf-8")


def value_of(settings: Settings, name: str) -> object:
    value = getattr(settings, name.lower())
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def problems() -> tuple[str, ...]:
    """What is said about the settings as they are."""
    with pytest.raises(SettingsInvalid) as invalid:
        read_settings()
    everything = "".join(traceback.format_exception(invalid.value))
    for told in (str(invalid.value), repr(invalid.value), everything):
        assert "SECRET" not in told
    return invalid.value.problems


def names(lines: tuple[str, ...]) -> list[str]:
    """Which settings problems are about; each line must begin with one."""
    return sorted(line.partition(": ")[0] for line in lines)


def test_every_setting_is_tested_here():
    """No setting is without an example."""
    assert {name.lower() for name in EVERY} == set(Settings.model_fields)


def test_nothing_has_to_be_set():
    """Without any setting the bot works offline, in a folder named data."""
    settings = read_settings()

    assert settings == Settings()
    assert (settings.data_dir, settings.log_level, settings.uses_openai) == (Path("data"), "INFO", False)
    assert settings.memory_limit_mb == 1024
    assert settings.discord_token is None


@pytest.mark.parametrize("name", EVERY)
def test_a_setting_from_the_environment(monkeypatch, name):
    """Each setting is read from the environment."""
    written, read = EVERY[name]
    monkeypatch.setenv(name, written)

    assert value_of(read_settings(), name) == read


@pytest.mark.parametrize("name", EVERY)
def test_a_setting_from_the_file(name):
    """Each setting is read from .env in the folder that the bot is started in."""
    written, read = EVERY[name]
    Path(".env").write_text(f"# a comment\n\n{name}={written}\n", "utf-8")

    assert value_of(read_settings(), name) == read


def test_all_settings_together(monkeypatch):
    """All settings can be used at once, some from the file and some from the environment."""
    written = [(name, value) for name, (value, _) in EVERY.items()]
    Path(".env").write_text("\n".join(f"{name}={value}" for name, value in written[::2]), "utf-8")
    for name, value in written[1::2]:
        monkeypatch.setenv(name, value)

    settings = read_settings()

    assert {name: value_of(settings, name) for name in EVERY} == {name: read for name, (_, read) in EVERY.items()}


def test_the_environment_wins_over_the_file(monkeypatch):
    """A setting that stands in both is that of the environment."""
    Path(".env").write_text("LOG_LEVEL=DEBUG\nDATA_DIR=from-file\n", "utf-8")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")

    settings = read_settings()

    assert (settings.log_level, settings.data_dir) == ("ERROR", Path("from-file"))


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_setting_is_none(monkeypatch, name):
    """A variable that is set to nothing is as good as not set, and does not hide the file's."""
    monkeypatch.setenv(name, "")
    assert read_settings() == Settings()

    written, read = EVERY[name]
    Path(".env").write_text(f"{name}={written}\n", "utf-8")

    assert value_of(read_settings(), name) == read


def test_settings_are_read_when_asked(monkeypatch):
    """What changes in the environment counts from the next reading on."""
    before = read_settings()
    monkeypatch.setenv("LOG_LEVEL", "ERROR")

    assert (before.log_level, read_settings().log_level) == ("INFO", "ERROR")


def test_settings_are_frozen():
    """Nobody changes a setting under way."""
    with pytest.raises(ValidationError):
        read_settings().log_level = "DEBUG"


@pytest.mark.parametrize(
    ("embedder", "key", "uses_openai"),
    [("auto", None, False), ("auto", KEY, True), ("openai", KEY, True), ("local", KEY, False), ("local", None, False)],
)
def test_which_embedder_is_used(monkeypatch, embedder, key, uses_openai):
    """A key alone turns OpenAI on, and a word turns it off again."""
    monkeypatch.setenv("EMBEDDER", embedder)
    if key:
        monkeypatch.setenv("OPENAI_API_KEY", key)

    assert read_settings().uses_openai is uses_openai


@pytest.mark.parametrize(
    ("key", "base_url", "service"),
    [
        (None, None, None),
        (None, "https://api.example.com/v1", None),
        (KEY, None, "OpenAI"),
        (KEY, "https://api.openai.com/v1", "OpenAI"),
        (KEY, "https://eu.api.openai.com/v1", "eu.api.openai.com"),
        (KEY, "http://localhost:8080", "localhost"),
    ],
)
def test_who_gets_the_texts_has_a_name(monkeypatch, key, base_url, service):
    """OpenAI, or the host of the server that is set in its place; nobody without a key."""
    for name, value in (("OPENAI_API_KEY", key), ("OPENAI_BASE_URL", base_url)):
        if value:
            monkeypatch.setenv(name, value)

    assert read_settings().embedding_service == service


# --- B40: what cannot be used


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DISCORD_TOKEN", f"{TOKEN}\n"),
        ("DISCORD_TOKEN", f"{TOKEN}\r\n"),
        ("DISCORD_TOKEN", f" {TOKEN}"),
        ("DISCORD_TOKEN", f"{TOKEN} {TOKEN}"),
        ("DISCORD_TOKEN", "   "),
        ("DISCORD_TOKEN", KEY),
        ("OPENAI_API_KEY", f"{KEY}\n"),
        ("OPENAI_API_KEY", "MTIz.SECRET.part-of-a-token"),
        ("OPENAI_BASE_URL", "localhost:8080"),
        ("OPENAI_BASE_URL", "ftp://localhost"),
        ("EMBEDDER", "magic"),
        ("EMBEDDING_DIMENSIONS", "many"),
        ("EMBEDDING_DIMENSIONS", "0"),
        ("EMBEDDING_DIMENSIONS", "-1"),
        ("EMBEDDING_DIMENSIONS", "1.5"),
        ("EMBEDDING_DIMENSIONS", "16385"),
        ("MEMORY_LIMIT_MB", "255"),
        ("MEMORY_LIMIT_MB", "1048577"),
        ("MEMORY_LIMIT_MB", "some"),
        ("LOG_LEVEL", "LOUD"),
        ("DATA_KEY", "SECRET7"),
        ("DATA_KEY", " a SECRET passphrase"),
        ("DATA_KEY", "a SECRET\npassphrase"),
        ("DATA_KEY_FILE", "no-such-file"),
        ("DATA_KEY_FILE", "/"),
        ("DATA_KEY_FILE", "~nobody-has-this-name/key"),
        ("DATA_KEY_FILE", sys.executable),
        ("DATA_DIR", "~nobody-has-this-name/data"),
    ],
    ids=ascii,
)
def test_b40_a_setting_that_cannot_be_used_is_named(monkeypatch, name, value):
    """A wrong value is one line that begins with the name of its setting and holds no secret."""
    monkeypatch.setenv(name, value)

    assert names(problems()) == [name]


def test_b40_openai_needs_its_key(monkeypatch):
    """Whoever asks for OpenAI without a key is told which setting is missing."""
    monkeypatch.setenv("EMBEDDER", "openai")

    assert names(problems()) == ["OPENAI_API_KEY"]


def test_b40_unknown_settings_of_the_file_are_named():
    """A mistyped name in .env is told, and not what stands behind it."""
    Path(".env").write_text("EMBEDER=local\nDISCORD_TOKN=SECRET\nLOG_LEVEL=DEBUG\n", "utf-8")

    assert names(problems()) == ["DISCORD_TOKN", "EMBEDER"]


def test_b40_two_keys_are_one_too_many(monkeypatch):
    """A file with another key than the environment is told, since nobody could say which one is meant."""
    monkeypatch.setenv("DATA_KEY", "another SECRET passphrase")
    monkeypatch.setenv("DATA_KEY_FILE", "data.key")

    assert names(problems()) == ["DATA_KEY_FILE"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=ascii)
def test_a_key_file_may_end_its_line(monkeypatch, end):
    """What an editor or a tool puts behind the key is not part of it."""
    Path("data.key").write_bytes(f"{DATA_KEY}{end}".encode())
    monkeypatch.setenv("DATA_KEY_FILE", "data.key")

    assert read_settings().key_of_the_data == DATA_KEY


def test_b40_all_wrong_values_are_told_at_once(monkeypatch):
    """Whoever mends settings is told of all of them, from the environment and from the file."""
    monkeypatch.setenv("DISCORD_TOKEN", f"{TOKEN}\n")
    monkeypatch.setenv("EMBEDDING_DIMENSIONS", "many")
    monkeypatch.setenv("EMBEDDER", "magic")
    Path(".env").write_text("LOG_LEVEL=LOUD\nOPENAI_BASE_URL=localhost\nUNKNOWN=1\n", "utf-8")

    assert names(problems()) == [
        "DISCORD_TOKEN",
        "EMBEDDER",
        "EMBEDDING_DIMENSIONS",
        "LOG_LEVEL",
        "OPENAI_BASE_URL",
        "UNKNOWN",
    ]


def test_b40_settings_that_do_not_go_together_are_told_at_once(monkeypatch):
    """Two secrets in each other's place are two problems."""
    monkeypatch.setenv("DISCORD_TOKEN", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "MTIz.SECRET.part-of-a-token")

    assert names(problems()) == ["DISCORD_TOKEN", "OPENAI_API_KEY"]


def test_b40_a_secret_in_the_wrong_place_is_told_with_the_rest(monkeypatch):
    """A wrong value elsewhere does not keep back that a secret stands in the wrong place or is missing."""
    monkeypatch.setenv("DISCORD_TOKEN", KEY)
    monkeypatch.setenv("EMBEDDER", "openai")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")

    assert names(problems()) == ["DISCORD_TOKEN", "LOG_LEVEL", "OPENAI_API_KEY"]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("LOG_LEVEL=DEBUG\n".encode("utf-16"), id="UTF-16"),
        pytest.param(b"DATA_DIR=caf\xe9\n", id="Latin-1"),
    ],
)
def test_b40_a_file_that_is_not_utf_8_is_told(written):
    """A .env in another encoding is a problem like any other, told with its name."""
    Path(".env").write_bytes(written)

    assert names(problems()) == [".env"]


def test_a_file_with_a_bom_is_read():
    """A .env that some editor began with a BOM is read."""
    Path(".env").write_bytes(b"\xef\xbb\xbfLOG_LEVEL=DEBUG\n")

    assert read_settings().log_level == "DEBUG"


@pytest.mark.parametrize("show", [str, repr, lambda settings: settings.model_dump_json()], ids=["str", "repr", "JSON"])
def test_b40_secrets_are_never_shown(monkeypatch, show):
    """Settings that are printed hide their secrets."""
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("DATA_KEY", DATA_KEY)
    monkeypatch.setenv("DATA_KEY_FILE", "data.key")

    assert "SECRET" not in show(read_settings())


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize("folder", ["with spaces", "データ", "caf\u00e9/ünï", "a'b", "/absolute/path"], ids=ascii)
def test_b40_folders_of_any_name(monkeypatch, where, folder):
    """A data folder may have spaces and letters of every language in its name."""
    if where == "file":
        Path(".env").write_text(f"DATA_DIR={folder}\n", "utf-8")
    else:
        monkeypatch.setenv("DATA_DIR", folder)

    assert read_settings().data_dir == Path(folder)


def test_b40_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    """~ in DATA_DIR is the home folder, as in a shell."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("DATA_DIR", "~/my data")

    assert read_settings().data_dir == tmp_path / "home" / "my data"


# --- modules and files

IMPORT_ALL = """
import os, pkgutil, sys
where = os.getcwd()
opened = []

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened.append(os.path.abspath(os.fsdecode(arguments[0])))

sys.addaudithook(watch)
import bot
names = [module.name for module in pkgutil.walk_packages(bot.__path__, "bot.") if module.name != "bot.__main__"]
for name in names:
    __import__(name)
print(*names)
print(*(path for path in opened if path.startswith(where + os.sep)))
"""


def test_b40_importing_needs_no_settings_and_opens_nothing(tmp_path):
    """Every module can be imported with an empty environment, and no file of the working folder is opened."""
    (tmp_path / ".env").write_text("LOG_LEVEL=LOUD\nUNKNOWN=1\n", "utf-8")

    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL],
        env={},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    imported, opened = done.stdout.splitlines()
    assert {"bot.cli", "bot.settings", "bot.services.importer", "bot.embedding.openai"} <= set(imported.split())
    assert opened == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "data.key"]


def test_the_example_names_every_setting_and_nothing_else():
    """The .env.example of the repository has a line for each setting and for nothing else."""
    text = (ROOT / ".env.example").read_text("utf-8")
    named = re.findall(r"^(?:#[ \t]*)?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE)

    assert sorted(named) == sorted(EVERY)
