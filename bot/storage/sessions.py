"""What tells files beside the database from those of another one: tokens of sessions, and ids that are given once."""

import secrets

from bot.messages import Stamp
from bot.storage.database import Database, Transaction
from bot.storage.vectors import VectorReader

_KEPT = 1_000  # sessions: what is beside the database is made anew far more often


async def given_ids(transaction: Transaction, n: int) -> int:
    """Have n embedding_ids for oneself; the one before the first of them."""
    await transaction.execute("UPDATE given_ids SET embedding_id = embedding_id + ?", (n,))
    [(last,)] = await transaction.fetch("SELECT embedding_id FROM given_ids")
    return int(last) - n


async def begin_session(database: Database) -> None:
    """Have a token that no copy of the database knows which was made before."""
    async with database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO sessions (token, first_id) SELECT ?, embedding_id FROM given_ids", (secrets.token_hex(16),)
        )
        await transaction.execute(
            "DELETE FROM sessions WHERE session_id <= (SELECT max(session_id) FROM sessions) - ?", (_KEPT,)
        )


class Sessions:
    """The sessions of a database, as the keepers of files beside it ask for them, from whichever thread."""

    def __init__(self, reader: VectorReader) -> None:
        self._reader = reader

    def now(self, guild_id: int) -> Stamp:
        """What is made of a server's vectors at this moment bears this."""
        token, last_id = self._sessions()[-1]
        return Stamp(guild_id, self._reader.generation, token, last_id)

    def are_ours(self, stamp: Stamp, guild_id: int) -> bool:
        """Whether something was made of a server's vectors in this very database.

        What bears a session's token and a greater embedding_id than its last was made beside another copy.
        """
        if (stamp.guild_id, stamp.generation) != (guild_id, self._reader.generation):
            return False
        return any(token == stamp.token and stamp.last_id <= last_id for token, last_id in self._sessions())

    def _sessions(self) -> list[tuple[str, int]]:
        """The token of each session with the last embedding_id that it saw, the one that goes on last."""
        with self._reader.connection() as connection:
            rows: list[tuple[str, int]] = connection.execute(
                """SELECT token, coalesce(lead(first_id) OVER (ORDER BY session_id),
                                          (SELECT embedding_id FROM given_ids))
                   FROM sessions ORDER BY session_id"""
            ).fetchall()
        return rows
