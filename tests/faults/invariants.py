"""What must hold after every fault, checked from outside: the local Discord beside the bot's database and log.

`breaches` looks at I1-I4 and I6 at one moment, `hold` waits until there are none; `quiet` is I10, `healthy` and `found`
are what can be seen of I5 without looking into the bot.
"""

import asyncio
import itertools
import json
import os
import random
import re
import sqlite3
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from standin import Discord, Person, permissions
from standin.channels import Channel

from bot.composing import Composition, own_text
from bot.messages import Said
from bot.parts import parts_of
from bot.saying import says_little
from bot.texts import content_hash, storable

ROOT = Path(__file__).parents[2]
READING = permissions.VIEW_CHANNEL | permissions.READ_MESSAGE_HISTORY
WRITTEN = frozenset({0, 19, 20, 21, 23})  # what people write, all other types are Discord's notices
WITH_MESSAGE_IDS = {
    "messages": "message_id",
    "embeddings": "message_id",
    "parts": "message_id",
    "pending": "message_id",
    "answer_hits": "message_id",
    "share_sources": "source_id",
    "wave_members": "message_id",
}
LONG_ENOUGH = 12  # shorter texts may stand in a log by chance
_turns = itertools.count()
LINK = re.compile(r"/channels/\d+/\d+/(\d+)\)")


@dataclass(frozen=True)
class Room:
    """A channel or thread as Discord holds it: the texts that policy admits, by message id, oldest first."""

    guild_id: int
    channel_id: int
    name: str
    path: tuple[int, ...]
    is_thread: bool
    is_private: bool
    is_readable: bool
    texts: Mapping[int, str]


@dataclass(frozen=True)
class Breach:
    """What does not hold: of which invariant, of what kind, of how many messages, in words."""

    code: str
    kind: str
    n: int
    words: str

    def __str__(self) -> str:
        return f"{self.code}: {self.words}"


class Broken(AssertionError):
    """What did not come to hold in time."""

    def __init__(self, breaches: Sequence[Breach], seconds: float) -> None:
        told = [f"after {seconds:.0f} s there still are {len(breaches)} breaches:", *map(str, breaches)]
        super().__init__("\n".join(told))
        self.breaches = breaches


def breach(code: str, kind: str, ids: Collection[int], words: str) -> list[Breach]:
    """One if there are such messages; `{}` stands in the words for how many and which."""
    return [Breach(code, kind, len(ids), words.format(_some(ids)))] if ids else []


@dataclass(frozen=True)
class Row:
    """A stored message."""

    message_id: int
    channel_id: int
    said: Said
    content_hash: bytes | None
    is_live: bool
    reply_to: int | None

    @property
    def content(self) -> str:
        return self.said.content


# What Discord holds.


def rooms_of(discord: Discord) -> list[Room]:
    """Every channel and thread of the servers where the bot is a member, as it stands now."""
    guilds = [guild for guild in discord.guilds.values() if guild.has_bot]
    return [_room(place) for guild in guilds for place in (*guild.channels.values(), *guild.threads.values())]


def _room(place: Channel) -> Room:
    bot = place.discord.bot
    parents = [place.parent, place.parent.parent if place.parent else None]
    return Room(
        guild_id=place.guild.id,
        channel_id=place.id,
        name=place.name,
        path=(place.id, *(parent.id for parent in parents if parent)),
        is_thread=place.is_thread,
        is_private=place.is_thread and place.is_private,
        is_readable=permissions.reads(place, bot) and permissions.may(place, bot, READING),
        texts={message.id: text_of(message) for message in place.messages if is_admitted(message)},
    )


def is_admitted(message: Any) -> bool:
    """Whether policy wants a message kept: written by a person, and no notice of Discord's."""
    return not message.author.bot and message.webhook_id is None and message.type in WRITTEN


def text_of(message: Any) -> str:
    """A message's text as it is to be stored: with what it forwards."""
    forwarded = (each["message"]["content"] for each in message.snapshots or ())
    return storable("\n".join(text for text in (message.content, *forwarded) if text))


# What the bot holds.


class Stored:
    """The bot's database at one moment, read beside the bot."""

    def __init__(self, folder: Path) -> None:
        self._uri = f"{(folder / 'bot.db').as_uri()}?mode=ro"

    def breaches(self, rooms: Sequence[Room]) -> list[Breach]:
        """What does not hold."""
        with closing(sqlite3.connect(self._uri, uri=True)) as connection:
            connection.execute("BEGIN")  # all that follows is seen at one moment
            return list(_breaches(connection, rooms))


def breaches(discord: Discord, folder: Path) -> list[Breach]:
    """What of I1-I4 and I6 does not hold now."""
    return Stored(folder).breaches(rooms_of(discord))


async def hold(discord: Discord, folder: Path, *, within: float = 60) -> float:
    """Wait until I1-I4 and I6 hold; after how many seconds. Broken if they never do."""
    began, pause = time.monotonic(), 0.1
    while True:
        rooms = rooms_of(discord)
        found = await asyncio.to_thread(Stored(folder).breaches, rooms)
        passed = time.monotonic() - began
        if not found:
            return passed
        if passed > within:
            raise Broken(found, passed)
        await asyncio.sleep(pause)
        pause = min(2 * pause, 2.0)


def _breaches(connection: sqlite3.Connection, rooms: Sequence[Room]) -> Iterator[Breach]:
    told: dict[int, dict[int, bool]] = {}
    for guild_id, channel_id, is_indexed in connection.execute("SELECT guild_id, channel_id, is_indexed FROM coverage"):
        told.setdefault(guild_id, {})[channel_id] = bool(is_indexed)
    for guild_id in sorted({room.guild_id for room in rooms}):
        inside = {room.channel_id: room for room in rooms if room.guild_id == guild_id}
        rows = _rows(connection, guild_id)
        covered = [room for room in inside.values() if room.is_readable and _covers(told.get(guild_id, {}), room)]
        yield from _not_accepted(rows, covered)
        yield from _not_as_written(rows, inside)
        yield from _not_gone(connection, guild_id, rows, inside)
        yield from _without_a_vector(connection, guild_id, rows)
        yield from _marks_too_far(connection, guild_id, rows, inside)


def _rows(connection: sqlite3.Connection, guild_id: int) -> list[Row]:
    found = connection.execute(
        """SELECT message_id, channel_id, content, attached, names, content_hash, origin = 1, reply_to
           FROM messages WHERE guild_id = ?""",
        (guild_id,),
    )
    return [Row(*row[:2], Said(*row[2:5]), *row[5:]) for row in found]


def _covers(told: Mapping[int, bool], room: Room) -> bool:
    """Whether a server wants a room indexed: the nearest word counts, and private threads want one of their own."""
    if room.is_private:
        return told.get(room.channel_id, False)
    return next((told[place] for place in (*room.path, 0) if place in told), False)


def _not_accepted(rows: Sequence[Row], covered: Iterable[Room]) -> Iterator[Breach]:
    """I1: every message is stored exactly once."""
    ids = [row.message_id for row in rows]
    yield from breach("I1", "doubled", [i for i, n in Counter(ids).items() if n > 1], "{} stored more than once")
    stored = set(ids)
    for room in covered:
        lost = [message_id for message_id in room.texts if message_id not in stored]
        yield from breach("I1", "lost", lost, f"{{}} of #{room.name} not stored")


def _not_as_written(rows: Sequence[Row], inside: Mapping[int, Room]) -> Iterator[Breach]:
    """I2: each text is Discord's newest."""
    texts = {message_id: text for room in inside.values() for message_id, text in room.texts.items()}
    stale = [row.message_id for row in rows if row.is_live and texts.get(row.message_id, row.content) != row.content]
    yield from breach("I2", "stale", stale, "{} stored with another text than Discord shows")
    hashes = [row.message_id for row in rows if row.content_hash != _hash(row)]
    yield from breach("I2", "stale", hashes, "{} stored with the hash of another text")


def _not_gone(
    connection: sqlite3.Connection, guild_id: int, rows: Sequence[Row], inside: Mapping[int, Room]
) -> Iterator[Breach]:
    """I3: nothing is left of what Discord does not hold, or does not let the bot read."""
    ghosts, kept_out = [], []
    for row in rows:
        room = inside.get(row.channel_id)
        if room is None or (room.is_readable and row.message_id not in room.texts):
            ghosts.append(row.message_id)
        elif not room.is_readable and row.is_live:
            kept_out.append(row.message_id)
    yield from breach("I3", "ghosts", ghosts, "{} stored that Discord does not hold (any more)")
    yield from breach("I3", "ghosts", kept_out, "{} stored of channels that the bot may not read")
    stored = {row.message_id for row in rows}
    buried = {row[0] for row in connection.execute("SELECT message_id FROM tombstones WHERE guild_id = ?", (guild_id,))}
    for table, column in WITH_MESSAGE_IDS.items():
        ids = {row[0] for row in connection.execute(f"SELECT {column} FROM {table} WHERE guild_id = ?", (guild_id,))}
        yield from breach("I3", "ghosts", ids & buried, f"{{}} in {table} in spite of their tombstones")
        yield from breach("I3", "ghosts", ids - stored, f"{{}} in {table} and not stored")


def _without_a_vector(connection: sqlite3.Connection, guild_id: int, rows: Sequence[Row]) -> Iterator[Breach]:
    """I4: each text has one sound vector of the current model, and one for each of its parts, or waits for it."""
    waiting = {row[0] for row in connection.execute("SELECT message_id FROM pending WHERE guild_id = ?", (guild_id,))}
    vectors = connection.execute(
        """SELECT message_id, content_hash, checksum, vector, dim FROM embeddings JOIN generations USING (generation_id)
           WHERE is_current AND guild_id = ?""",
        (guild_id,),
    ).fetchall()
    made_of: dict[int, bytes] = {}
    twice, unsound = [], []
    for message_id, of_text, checksum, vector, dim in vectors:
        twice += [message_id] if message_id in made_of else []
        made_of[message_id] = of_text
        unsound += [] if _is_sound(vector, checksum, dim) else [message_id]
    n_parts: Counter[int] = Counter()
    for message_id, checksum, vector, dim in connection.execute(
        """SELECT message_id, checksum, vector, dim FROM parts JOIN generations USING (generation_id)
           WHERE is_current AND guild_id = ?""",
        (guild_id,),
    ):
        n_parts[message_id] += 1
        unsound += [] if _is_sound(vector, checksum, dim) else [message_id]
    hashes = {row.message_id: row.content_hash for row in rows}
    composed = _composed(connection, guild_id, rows)
    verdicts = {
        "have more than one vector": twice,
        "have a damaged vector": unsound,
        "have a vector of another text": [
            i for i, of_text in made_of.items() if i in composed and composed[i][0] != of_text
        ],
        "have not a vector for each part": [i for i in made_of if i in composed and composed[i][1] != n_parts[i]],
        "have a vector and wait for one": made_of.keys() & waiting,
        "have neither a vector nor a place in the queue": [
            i for i, of_text in hashes.items() if of_text and i not in made_of and i not in waiting
        ],
    }
    for verdict, ids in verdicts.items():
        yield from breach("I4", "vectors", ids, f"{{}} {verdict}")


def _is_sound(vector: bytes, checksum: int, dim: int) -> bool:
    if zlib.crc32(vector) != checksum or len(vector) != 2 * dim:
        return False
    numbers = np.frombuffer(vector, "<f2").astype(np.float64)
    return bool(np.isfinite(numbers).all()) and abs(float(numbers @ numbers) - 1) < 0.01


def _marks_too_far(
    connection: sqlite3.Connection, guild_id: int, rows: Sequence[Row], inside: Mapping[int, Room]
) -> Iterator[Breach]:
    """I6: between the marks of a channel everything is stored."""
    stored = {row.message_id for row in rows}
    marks = connection.execute("SELECT channel_id, low_id, high_id FROM marks WHERE guild_id = ?", (guild_id,))
    for channel_id, low_id, high_id in marks:
        room = inside.get(channel_id)
        if room is None or not room.is_readable:
            continue
        passed = [each for each in room.texts if low_id <= each <= high_id and each not in stored]
        yield from breach("I6", "marks", passed, f"the marks of #{room.name} pass {{}} that are not stored")


_made: dict[Composition, tuple[bytes, int]] = {}


def _hash(row: Row) -> bytes | None:
    """Of what a message says itself."""
    own = own_text(row.said)
    return content_hash(own) if own or row.message_id == row.channel_id else None


def _composed(connection: sqlite3.Connection, guild_id: int, rows: Sequence[Row]) -> dict[int, tuple[bytes, int]]:
    """Of what vectors are to be made of the hash and the number of parts, by message.

    That is a text with what it answers, if it is short, and with titles.
    """
    titles = dict(
        connection.execute(
            "SELECT channel_id, name FROM channels WHERE guild_id = ? AND kind IN ('thread', 'private_thread')",
            (guild_id,),
        )
    )
    by_id = {row.message_id: row for row in rows}
    composed = {}
    for row in rows:
        parent = by_id.get(row.reply_to or 0) if says_little(own_text(row.said)) else None
        if parent is not None and (parent.channel_id != row.channel_id or parent.content_hash is None):
            parent = None
        title = titles.get(row.message_id)
        if title is None and parent is None and says_little(own_text(row.said)):
            title = titles.get(row.channel_id)
        composition = Composition(row.said, parent.said if parent else None, title)
        if composition not in _made:
            text = composition.text
            _made[composition] = content_hash(text), len(parts_of(text))
        composed[row.message_id] = _made[composition]
    return composed


def _some(ids: Iterable[int]) -> str:
    listed = sorted(ids)
    return f"{len(listed)} messages ({', '.join(map(str, listed[:5]))}{', ...' if len(listed) > 5 else ''})"


# What the bot says of itself and to people.


async def healthy(folder: Path, **settings: str) -> None:
    """I5, as far as `doctor` beside the bot sees it: it finds nothing wrong, the mirror that it makes included."""
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "EMBEDDER": "local", "DATA_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "doctor", "--json"),
        env=environment | settings,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await process.communicate()
    findings = [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]
    unwell = [each for each in findings if not each["is_well"] and each["subject"] != "data_folder"]
    assert findings, f"I5: doctor said nothing: {complaints.decode()}"
    assert not unwell, f"I5: {unwell}"


def shown_ids(answer: Any) -> list[int]:
    """The messages that a person is shown in an answer, the nearest first."""
    return [int(each) for embed in answer.embeds for each in LINK.findall(embed.get("description", ""))]


async def found(people: Sequence[Person], channel: Channel, *, n: int = 5, seed: int = 0) -> None:
    """I5, from a member's side: who asks with the very text of a message that stands alone with it, finds it first."""
    texts: dict[str, list[int]] = {}
    below: set[int] = set()  # in a thread what is short is found by the thread's title as well
    for room in rooms_of(channel.discord):
        if room.guild_id == channel.guild.id and room.is_readable:
            for message_id, text in room.texts.items():
                texts.setdefault(own_text(Said(text)), []).append(message_id)
            below |= room.texts.keys() if room.is_thread else set()
    alone = [
        (text, ids[0])
        for text, ids in texts.items()
        if text and len(ids) == 1 and len(text) < 1_000 and ids[0] not in below
    ]
    for text, message_id in random.Random(seed).sample(alone, min(n, len(alone))):
        answer = await ask(_next_of(people), channel, text)
        assert shown_ids(answer)[:1] == [message_id], f"I5: message {message_id} is not the first for its own text"


async def never_shown(people: Sequence[Person], channel: Channel, gone: Mapping[int, str]) -> None:
    """I3 and I7, from a member's side: who asks with the text of a message that is gone is not shown it."""
    for message_id, text in gone.items():
        answer = await ask(_next_of(people), channel, text)
        assert message_id not in shown_ids(answer), f"I3: message {message_id} is gone and was shown"


async def ask(person: Person, channel: Channel, text: str, **options: object) -> Any:
    """What a person is answered to /similar: hits, or that there are none."""
    interaction = await person.slash(channel, "similar", text=text[:1_000], **options)
    answer = await interaction.answer(timeout=20)
    assert answer.embeds, f"no answer but: {answer.content}"
    return answer


def _next_of(people: Sequence[Person]) -> Person:
    """Another one each time, since each may ask only so often."""
    return people[next(_turns) % len(people)]


def failures(log: Path) -> list[str]:
    """What the log says above its tracebacks; discord.py writes one, too, whenever a connection cannot be made."""
    said = re.findall(r"^(.*)\nTraceback", log.read_text("utf-8"), re.MULTILINE)
    return [line for line in said if "Attempting a reconnect" not in line]


def quiet(discord: Discord, log: Path, texts: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
    """I10: neither the token nor a message of this Discord nor any of these texts and secrets is in the bot's log."""
    said = log.read_text("utf-8")
    assert not any(secret in said for secret in (discord.token, *secrets)), "I10: a secret is in the log"
    held = (text for room in rooms_of(discord) for text in room.texts.values())
    spoken = {text for text in (*held, *texts) if len(text) >= LONG_ENOUGH}
    if leaked := [text for text in _at_most(spoken, 3_000) if text in said]:
        raise AssertionError(f"I10: {len(leaked)} messages are in the log, one is of {len(leaked[0])} characters")


def _at_most(texts: Iterable[str], n: int) -> list[str]:
    listed = sorted(texts)
    return listed if len(listed) <= n else random.Random(n).sample(listed, n)


async def until(holds: Callable[[], Any], *, within: float, what: str) -> Any:
    """Wait until something holds, and give back what it came to; AssertionError that says what never did."""
    end = time.monotonic() + within
    while not (result := holds()):
        assert time.monotonic() < end, f"after {within:.0f} s still not: {what}"
        await asyncio.sleep(0.02)
    return result
