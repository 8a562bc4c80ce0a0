"""What is done to a data folder's database as a whole: copies of it, and its key."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.errors import ConversionFailed
from bot.index.mirror import wipe_mirrors
from bot.settings import Settings
from bot.storage.backup import Backup, Progress, back_up, restore
from bot.storage.cipher import data_key
from bot.storage.conversion import decrypt, encrypt
from bot.storage.database import FILE_NAME
from bot.storage.lock import writing_to

__all__ = ["Backup", "Progress", "decrypt_data", "encrypt_data", "make_backup", "restore_backup"]


def make_backup(settings: Settings, target: Path, on_progress: Progress) -> Backup:
    """A copy of the database, also while another process writes to it. Raises BotError."""
    key = data_key(settings.key_of_the_data)
    return back_up(settings.data_dir, target, now=datetime.now(UTC), on_progress=on_progress, key=key)


def restore_backup(settings: Settings, source: Path, on_progress: Progress, *, replace: bool) -> Backup:
    """A backup put in the place of the database, which `replace` gives up. Raises BotError."""
    with writing_to(settings.data_dir, "restore"):
        key = data_key(settings.key_of_the_data)
        return restore(source, settings.data_dir, replace=replace, on_progress=on_progress, key=key)


def encrypt_data(settings: Settings, on_progress: Progress) -> Backup | None:
    """The database written anew with the key that is set; None where it has that key already. Raises BotError."""
    return _converted(settings, "encrypt", encrypt, on_progress)


def decrypt_data(settings: Settings, on_progress: Progress) -> Backup | None:
    """The database written anew without the key that is set; None where it has none. Raises BotError."""
    return _converted(settings, "decrypt", decrypt, on_progress)


def _converted(
    settings: Settings, verb: str, convert: Callable[..., Backup | None], on_progress: Progress
) -> Backup | None:
    folder = settings.data_dir
    if (key := data_key(settings.key_of_the_data)) is None:
        raise ConversionFailed(folder / FILE_NAME, "no_key")
    with writing_to(folder, verb):
        return convert(folder, key, wipe_copies=partial(wipe_mirrors, folder), on_progress=on_progress)
