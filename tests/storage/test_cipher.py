"""The keys of encrypted databases."""

import hashlib
import os
from pathlib import Path

import pytest
from keys import KEY, OTHER_KEY, RAW, plain_and_encrypted
from make import PUT_MESSAGE
from sqlcipher3 import dbapi2 as sqlite

from bot.errors import DatabaseUnusable, DataKeyUnfit, StorageFailed
from bot.storage.cipher import SEALED_PAGE_SIZE, DataKey, data_key, file_key, is_plain
from bot.storage.connections import shared_connection
from bot.storage.database import open_to_read, open_to_write

TEXT = "a sentence that nobody else shall read"


async def filled(folder: Path, key: DataKey | None) -> Path:
    """A database with a message, all of it in the file itself."""
    folder.mkdir(exist_ok=True)
    async with open_to_write(folder, key) as database:
        async with database.transaction() as transaction:
            await transaction.execute(f"{PUT_MESSAGE} (1, 7, 10, 501, 1, NULL, ?)", (TEXT,))
        assert await database.problems() == []
    return folder / "bot.db"


def test_64_digits_are_the_key_and_all_else_is_a_passphrase(tmp_path: Path) -> None:
    """Digits are taken as they are, in capitals too; a passphrase is stretched with the salt of the file."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(16)) + b"and more")
    passphrase = RAW[:-1]
    derived = hashlib.pbkdf2_hmac("sha512", passphrase.encode(), bytes(range(16)), 256_000, 32)

    assert DataKey(RAW).of(path).secret == DataKey(RAW.upper()).of(path).secret == bytes.fromhex(RAW)
    assert DataKey(passphrase).of(path).secret == derived
    assert DataKey(RAW).of(path).salt == bytes(range(16))
    assert (data_key(None), file_key(path, None)) == (None, None)


def test_a_file_to_come_gets_a_salt_of_its_own(tmp_path: Path) -> None:
    """Two files with one key have nothing in common."""
    (tmp_path / "empty").touch()
    salts = {KEY.of(tmp_path / name).salt for name in ("empty", "empty", "missing")}

    assert len(salts) == 3
    assert {len(salt) for salt in salts} == {16}


def test_no_key_is_shown() -> None:
    """Whatever prints a key prints none of it."""
    shown = [repr(KEY), str(KEY), repr(KEY.of(Path("missing")))]

    assert not any(part in text for text in shown for part in (RAW[:8], "x'", "\\x"))


@pytest.mark.parametrize("key", [KEY, DataKey("correct horse battery staple 鍵")], ids=["digits", "passphrase"])
async def test_nothing_that_is_stored_can_be_read_without_the_key(tmp_path: Path, key: DataKey) -> None:
    """Neither the text nor a name of a table is in the file, and the right key finds both."""
    path = await filled(tmp_path, key)
    content = path.read_bytes()

    assert not is_plain(path)
    assert not [word for word in (TEXT.encode(), b"SQLite", b"messages", b"CREATE") if word in content]
    async with open_to_read(tmp_path, key) as database:
        assert await database.fetch("SELECT content FROM messages") == [(TEXT,)]
        assert await database.fetch("PRAGMA page_size") == [(str(SEALED_PAGE_SIZE),)]


async def test_the_log_cannot_be_read_either(tmp_path: Path) -> None:
    """What was committed and still stands in the log is encrypted there."""
    async with open_to_write(tmp_path, KEY) as database:
        async with database.transaction() as transaction:
            await transaction.execute(f"{PUT_MESSAGE} (1, 7, 10, 501, 1, NULL, ?)", (TEXT,))
        log = (tmp_path / "bot.db-wal").read_bytes()

    assert len(log) > SEALED_PAGE_SIZE
    assert TEXT.encode() not in log


async def test_the_tools_of_sqlcipher_open_it_with_the_passphrase(tmp_path: Path) -> None:
    """Whoever has the passphrase and SQLCipher needs no bot to get at the data, and no setting of it."""
    path = await filled(tmp_path, DataKey('it\'s a "passphrase"'))
    connection = sqlite.connect(str(path))
    connection.execute("PRAGMA key = 'it''s a \"passphrase\"'")

    assert connection.execute("SELECT content FROM messages").fetchall() == [(TEXT,)]
    connection.close()


UNFIT = {
    "none": (KEY, None, "missing"),
    "another": (KEY, OTHER_KEY, "wrong"),
    "passphrase": (KEY, DataKey("a passphrase"), "wrong"),
    "needless": (None, KEY, "not_encrypted"),
}


@pytest.mark.parametrize("unfit", UNFIT)
@pytest.mark.parametrize("opened", [open_to_write, open_to_read])
async def test_a_key_that_does_not_fit_touches_nothing(
    tmp_path: Path, unfit: str, opened, capfd: pytest.CaptureFixture[str]
) -> None:
    """No key, another or one too many is told by its name; the folder is as it was, and nothing else is printed."""
    made_with, opened_with, reason = UNFIT[unfit]
    path = await filled(tmp_path, made_with)
    (tmp_path / "bot.db.new").write_bytes(b"half of it")
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    with pytest.raises(DataKeyUnfit) as caught:
        async with opened(tmp_path, opened_with):
            pass
    with pytest.raises(DataKeyUnfit):
        shared_connection(path, file_key(path, opened_with))

    assert caught.value.values == {"path": path, "reason": reason}
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before
    assert capfd.readouterr() == ("", "")


async def test_a_log_is_not_touched_by_a_wrong_key(tmp_path: Path) -> None:
    """What a killed process left in its log is there for the right key."""
    running, left = tmp_path / "running", tmp_path / "left"
    left.mkdir()
    await filled(running, KEY)
    async with open_to_write(running, KEY) as database:
        async with database.transaction() as transaction:
            await transaction.execute(f"{PUT_MESSAGE} (1, 8, 10, 501, 1, NULL, 'later')")
        for name in ("bot.db", "bot.db-wal"):
            (left / name).write_bytes((running / name).read_bytes())

    for wrong in (None, OTHER_KEY):
        with pytest.raises(DataKeyUnfit):
            async with open_to_write(left, wrong):
                pass
    async with open_to_write(left, KEY) as database:
        assert await database.fetch("SELECT message_id FROM messages ORDER BY 1") == [(7,), (8,)]


@plain_and_encrypted
async def test_what_is_no_database_is_not_taken_for_an_encrypted_one(tmp_path: Path, key) -> None:
    """A text that somebody put there is called unusable, with a key and without."""
    (tmp_path / "bot.db").write_text("these are the words of somebody else\n" * 2_000)

    with pytest.raises(DatabaseUnusable):
        async with open_to_write(tmp_path, key):
            pass


async def test_a_page_that_was_changed_is_found(tmp_path: Path) -> None:
    """Each page carries a code of its own, so that nobody changes what is stored without the key."""
    path = await filled(tmp_path, KEY)
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // SEALED_PAGE_SIZE):
        content[page * SEALED_PAGE_SIZE + 100] ^= 1
    path.write_bytes(content)

    with pytest.raises((DatabaseUnusable, StorageFailed)):
        async with open_to_read(tmp_path, KEY) as database:
            await database.problems()


async def test_random_bytes_in_its_place_are_a_wrong_key(tmp_path: Path) -> None:
    """Nobody can tell noise from a database of another key; both are left alone."""
    (tmp_path / "bot.db").write_bytes(os.urandom(2 * SEALED_PAGE_SIZE))

    with pytest.raises(DataKeyUnfit):
        async with open_to_write(tmp_path, KEY):
            pass
