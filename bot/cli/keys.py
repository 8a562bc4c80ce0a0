"""The verbs that turn encryption on and off for what is stored."""

from collections.abc import Callable

from bot.cli._arguments import ready
from bot.copying import Backup, Progress, decrypt_data, encrypt_data
from bot.settings import Settings


def encrypt() -> None:
    """Encrypt the database with DATA_KEY; the bot must be stopped."""
    _convert("encrypt", encrypt_data)


def decrypt() -> None:
    """Write the database without its key, which DATA_KEY must still be; the bot must be stopped."""
    _convert("decrypt", decrypt_data)


def _convert(verb: str, convert: Callable[[Settings, Progress], Backup | None]) -> None:
    settings, terminal = ready()
    with terminal.steps("backup.copying") as on_progress:
        converted = convert(settings, on_progress)
    if converted is None:
        terminal.say(f"{verb}.already")
        return
    terminal.say(f"{verb}.done", path=converted.path, n=converted.n_messages, mib=converted.n_bytes / 2**20)
    terminal.say(f"{verb}.next")
