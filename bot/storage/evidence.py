"""What the database knows of a person before it forgets them, and what rows of it are left afterwards."""

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, replace

from bot.messages import Said
from bot.storage.contexts import BELOW, THREADS, composition_of
from bot.storage.database import Database, Row, json_ids
from bot.texts import content_hash

_AT_ONCE = 2_000
_OF_PEOPLE = (
    ("messages", "author_id"),
    ("worded", "author_id"),
    ("authors", "author_id"),
    ("answers", "user_id"),
    ("channels", "owner_id"),
)
_COLUMNS = ("message_id", "source_id", "original_id")
_STAY = ("tombstones",)  # which keep messages from coming back
# Vectors of others in which there is something of a person: of what a short message answers.
_ANSWERS = """SELECT m.message_id FROM messages m
    JOIN messages p ON p.guild_id = m.guild_id AND p.message_id = m.reply_to AND p.channel_id = m.channel_id
    WHERE m.guild_id = ? AND m.leans AND m.content_hash IS NOT NULL
          AND p.message_id IN (SELECT value FROM json_each(?))"""
_AMONG_THESE = "message_id IN (SELECT value FROM json_each(?2))"
_NAMING = "json_valid(names) AND coalesce(names ->> ?, '') <> ''"


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a message: what it says, and the terms that it is found by."""

    message_id: int
    author_id: int
    said: Said
    content_hash: bytes | None
    terms: str | None


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector as it is stored; content_hash is that of the whole text."""

    embedding_id: int
    content_hash: bytes
    checksum: int
    blob: bytes


class EvidenceStore:
    """All tables, to be looked at before and after somebody is forgotten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def files(self) -> list[str]:
        """The names of the files that the database may have, in its folder."""
        return [self._database.path.name + suffix for suffix in ("", "-wal", "-shm", "-journal", ".new")]

    async def messages(self, guild_id: int) -> AsyncIterator[Known]:
        """All messages of a server."""
        last_id = 0
        while rows := await self._database.fetch(
            """SELECT m.message_id, m.author_id, m.content_hash, l.terms, m.content, m.attached, m.names
               FROM (SELECT * FROM messages WHERE guild_id = ? AND message_id > ? ORDER BY message_id LIMIT ?) m
               LEFT JOIN worded w USING (guild_id, message_id) LEFT JOIN lexicon l ON l.rowid = w.row_id
               ORDER BY m.message_id""",
            (guild_id, last_id, _AT_ONCE),
        ):
            last_id = rows[-1][0]
            for message_id, author_id, text_hash, terms, *told in rows:
                yield Known(message_id, author_id, Said(*told), text_hash, terms)

    async def names(self, guild_id: int) -> list[tuple[str, int, str]]:
        """All names of a server's channels, of its authors and its own, each with its kind and whose it is."""
        return await self._database.fetch(
            f"""SELECT iif(kind IN {THREADS}, 'thread', 'channel'), channel_id, name FROM channels WHERE guild_id = ?1
                UNION ALL SELECT 'author', author_id, name FROM authors WHERE guild_id = ?1
                UNION ALL SELECT 'server', guild_id, name FROM servers WHERE guild_id = ?1""",
            (guild_id,),
        )

    async def threads_of(self, guild_id: int, person_id: int) -> set[int]:
        """The threads that a person opened, or whose first message is theirs."""
        rows = await self._database.fetch(
            f"""SELECT channel_id FROM channels c WHERE guild_id = ?1 AND kind IN {THREADS}
                AND (owner_id = ?2 OR EXISTS (SELECT 1 FROM messages m WHERE m.guild_id = ?1 AND m.author_id = ?2
                                              AND m.message_id = c.channel_id))""",
            (guild_id, person_id),
        )
        return {row[0] for row in rows}

    async def made_of(self, guild_id: int, answered: Iterable[int], threads: Iterable[int]) -> set[int]:
        """The messages whose vectors are made of others as well: of what they answer, or of a title above them.

        `answered` are messages that may be answered, `threads` those whose titles are above messages.
        """
        answers = await self._database.fetch(_ANSWERS, (guild_id, json_ids(answered)))
        below = await self._database.fetch(f"{BELOW} AND m.content_hash IS NOT NULL", (guild_id, json_ids(threads)))
        return {row[0] for row in answers} | {row[0] for row in below if _has_title(row)}

    async def vectors(self, guild_id: int, message_ids: Collection[int]) -> AsyncIterator[Vector]:
        """The vectors of messages and of their parts, in whichever generation."""
        ids = sorted(message_ids)
        for start in range(0, len(ids), _AT_ONCE):
            rows = await self._database.fetch(
                f"""SELECT embedding_id, content_hash, checksum, vector FROM embeddings
                    WHERE guild_id = ?1 AND {_AMONG_THESE}
                    UNION ALL SELECT p.embedding_id, e.content_hash, p.checksum, p.vector
                    FROM parts p JOIN embeddings e USING (guild_id, message_id, generation_id)
                    WHERE guild_id = ?1 AND {_AMONG_THESE}""",
                (guild_id, json_ids(ids[start : start + _AT_ONCE])),
            )
            for row in rows:
                yield Vector(*row)

    async def shared_hashes(self, embedding_ids: Collection[int]) -> set[bytes]:
        """The hashes of these embeddings that others have, too: equal texts have equal vectors."""
        rows = await self._database.fetch(
            """WITH ours AS (SELECT embedding_id, generation_id, content_hash FROM embeddings
                             WHERE embedding_id IN (SELECT value FROM json_each(?)))
               SELECT DISTINCT e.content_hash FROM ours o
               JOIN embeddings e USING (generation_id, content_hash)
               WHERE e.embedding_id NOT IN (SELECT embedding_id FROM ours)""",
            (json_ids(embedding_ids),),
        )
        return {row[0] for row in rows}

    async def shared_checksums(self, embedding_ids: Collection[int], checksums: Collection[int]) -> set[int]:
        """The checksums that other vectors than these have, too: those of an equal text, or of an equal part of one."""
        rows = await self._database.fetch(
            """SELECT DISTINCT checksum FROM (SELECT embedding_id, checksum FROM embeddings
                                              UNION ALL SELECT embedding_id, checksum FROM parts)
               WHERE checksum IN (SELECT value FROM json_each(?))
                     AND embedding_id NOT IN (SELECT value FROM json_each(?))""",
            (json_ids(checksums), json_ids(embedding_ids)),
        )
        return {row[0] for row in rows}

    async def rows_left(self, guild_id: int, message_ids: Collection[int]) -> dict[str, int]:
        """By table, how many rows there are of messages; tombstones stay."""
        left: dict[str, int] = {}
        for table, column in await self._tables():
            [(n,)] = await self._database.fetch(
                f"SELECT count(*) FROM {table} WHERE guild_id = ? AND {column} IN (SELECT value FROM json_each(?))",
                (guild_id, json_ids(message_ids)),
            )
            left[table] = n
        return left

    async def rows_of(self, guild_id: int, person_id: int) -> dict[str, int]:
        """By table, how many rows there are of a person, and how many messages name them."""
        left: dict[str, int] = {}
        for table, column in _OF_PEOPLE:
            [(n,)] = await self._database.fetch(
                f"SELECT count(*) FROM {table} WHERE guild_id = ? AND {column} = ?", (guild_id, person_id)
            )
            left[table] = n
        [(left["messages.names"],)] = await self._database.fetch(
            f"SELECT count(*) FROM messages WHERE guild_id = ? AND {_NAMING}", (guild_id, f'$."{person_id}"')
        )
        return left

    async def n_found(self, terms: Iterable[str]) -> int:
        """How many of the terms the full-text index knows."""
        n = 0
        for term in terms:
            rows = await self._database.fetch("SELECT 1 FROM lexicon WHERE lexicon MATCH ? LIMIT 1", (f'"{term}"',))
            n += len(rows)
        return n

    async def _tables(self) -> list[Row]:
        return await self._database.fetch(
            """SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%'
                     AND c.name IN (SELECT value FROM json_each(?)) AND t.name NOT IN (SELECT value FROM json_each(?))
                     AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) g WHERE g.name = 'guild_id')
               ORDER BY t.name""",
            (_json(_COLUMNS), _json(_STAY)),
        )


def _has_title(row: Row) -> bool:
    """Whether the vector of a row of BELOW would be another without the title above it."""
    return bool(row[1] != content_hash(replace(composition_of(row[2:]), title_above=None).text))


def _json(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
