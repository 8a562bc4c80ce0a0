"""The full-text index beside the messages."""

import pytest
from keys import plain_and_encrypted
from make import ADA, BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server, utc

from bot.askers import EVERYTHING, Scope
from bot.messages import Message
from bot.storage.database import Database
from bot.storage.lexicon import SAMPLE, Lexicon
from bot.storage.messages import MessageStore
from bot.storage.servers import ServerStore
from bot.terms import terms_of

EDITED = utc("2030-01-01T00:00:00")


class Books:
    """A database with its messages and their words."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.lexicon = Lexicon(database)
        self.messages = MessageStore(database)

    async def save(self, *messages: Message) -> None:
        for guild_id in {one.guild_id for one in messages}:
            await self.messages.save(guild_id, [one for one in messages if one.guild_id == guild_id])

    async def word(self) -> None:
        texts = await self.lexicon.unworded(1_000)
        await self.lexicon.put(texts, [terms_of(text.text) for text in texts])

    async def found(self, *terms: str, guild_id: int = GUILD, scope: Scope = EVERYTHING, limit: int = 100) -> list[int]:
        """The messages with all these terms, the newest first."""
        [ids] = await self.lexicon.postings(guild_id, [terms], scope, limit)
        return ids.tolist()


@pytest.fixture
async def books(database: Database) -> Books:
    servers = ServerStore(database)
    for guild_id in (GUILD, OTHER_GUILD):
        await servers.put(server(guild_id), channel(guild_id=guild_id))
    return Books(database)


@plain_and_encrypted
async def test_a_term_finds_the_messages_it_stands_in(books: Books) -> None:
    """Whole terms are found, the newest first; several mean all of them; a part of a term is none."""
    await books.save(message(1, "red fish"), message(2, "red bird"), message(3, "東京タワー c++"), message(4, ""))
    await books.word()

    assert await books.found("red") == [2, 1]
    assert await books.found("red", limit=1) == [2]
    assert await books.found("red", "fish") == [1]
    assert await books.found("東京", "c++") == [3]
    assert await books.found("fis") == []
    assert await books.found("AND") == []


async def test_a_term_with_a_star_finds_all_that_begin_so(books: Books) -> None:
    """As pairs of characters do, and a character by itself."""
    await books.save(message(1, "犬が好き"), message(2, "犬"), message(3, "私の犬"), message(4, "狼が好き"))
    await books.word()

    assert await books.found("犬*") == [2, 1]
    assert await books.found("犬*", "好き") == [1]
    assert await books.found("犬") == [2]


@plain_and_encrypted
async def test_several_phrases_are_looked_up_at_once(books: Books) -> None:
    """Each has its own rows, in the order in which they were asked for; no phrase has none."""
    await books.save(message(1, "red fish"), message(2, "red bird"))
    await books.word()
    found = await books.lexicon.postings(GUILD, [["fish"], ["red", "bird"], ["tree"], ["red"]], EVERYTHING, 10)

    assert [len(rows) for rows in found] == [1, 1, 0, 2]
    assert await books.lexicon.postings(GUILD, [], EVERYTHING, 10) == []


async def test_servers_keep_to_themselves(books: Books) -> None:
    """A term of one server is not found in another, and one that is not known has none."""
    await books.save(message(1, "red fish"), message(1, "red bird", guild_id=OTHER_GUILD))
    await books.word()

    assert await books.found("red") == [1]
    assert await books.found("bird") == []
    assert await books.found("bird", guild_id=OTHER_GUILD) == [1]
    assert await books.found("red", guild_id=77) == []
    assert (await books.lexicon.terms(OTHER_GUILD, [1, 2])) == {1: ["red", "bird"]}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(channel_ids=frozenset({OTHER_CHANNEL})), [1]),
        (Scope(channel_ids=frozenset()), []),
        (Scope(author_ids=frozenset({BOB}), channel_ids=frozenset({CHANNEL})), []),
        (Scope(author_ids=frozenset({ADA})), [3, 2]),
        (Scope(after_id=2, before_id=3), [2]),
        (Scope(excluded_ids=frozenset({3, 1})), [2]),
    ],
)
async def test_what_lies_outside_the_scope_counts_for_nothing(books: Books, scope: Scope, expected: list[int]) -> None:
    """Channel, author, time and excluded messages narrow the search, and a limit counts what is left."""
    await books.save(
        message(1, "red fish", channel_id=OTHER_CHANNEL, author_id=BOB), message(2, "fish"), message(3, "fish")
    )
    await books.word()

    assert await books.found("fish", scope=scope) == expected
    assert await books.found("fish", scope=scope, limit=1) == expected[:1]


async def test_an_edit_is_found_by_its_new_words_alone(books: Books) -> None:
    """The old words are gone with the commit; the new ones wait for their turn."""
    await books.save(message(1, "red fish"))
    await books.word()
    await books.save(message(1, "green tree", edited_at=EDITED))

    assert await books.found("fish") == []
    assert len(await books.lexicon.unworded(10)) == 1
    await books.word()
    assert await books.found("tree") == [1]


async def test_an_edit_that_came_meanwhile_waits_on(books: Books) -> None:
    """Terms of a text that stands no longer are not taken in, nor those of a message that is gone."""
    await books.save(message(1, "red fish"), message(2, "red bird"))
    texts = await books.lexicon.unworded(10)
    await books.save(message(1, "green tree", edited_at=EDITED))
    await books.messages.delete(GUILD, [2])
    await books.lexicon.put(texts, [terms_of(text.text) for text in texts])

    assert await books.found("red") == []
    assert [text.said.content for text in await books.lexicon.unworded(10)] == ["green tree"]


async def test_an_edit_of_blanks_alone_keeps_the_words(books: Books) -> None:
    """What is embedded stays the same, and so do the terms: nothing has to wait."""
    await books.save(message(1, "red fish"))
    await books.word()
    await books.save(message(1, "red   fish", edited_at=EDITED))

    assert await books.found("fish") == [1]
    assert len(await books.lexicon.unworded(10)) == 0


async def test_a_server_that_was_forgotten_meanwhile_gets_no_place(books: Books) -> None:
    """Terms that come after their server was forgotten leave nothing of it."""
    await books.save(message(1, "red fish"))
    texts = await books.lexicon.unworded(10)
    await ServerStore(books.database).forget(GUILD)
    await books.lexicon.put(texts, [["red", "fish"]])

    assert await books.database.fetch("SELECT * FROM blocks") == []


async def test_deleted_words_are_in_no_file(books: Books) -> None:
    """After a deletion and a checkpoint the file holds none of the words, whole or in the index."""
    await books.save(*[message(i, f"zebrafish quokka{i} 東京タワー") for i in range(1, 200)], message(200, "numbat"))
    await books.word()
    await books.messages.delete(GUILD, range(1, 200))
    assert await books.database.checkpoint()

    held = books.database.path.read_bytes()
    assert b"numbat" in held
    assert [word for word in ("zebrafish", "quokka", "東京", "タワ") if word.encode() in held] == []
    assert await books.database.problems() == []


async def test_a_server_that_is_forgotten_leaves_no_word(books: Books) -> None:
    """Its words, its place in the queue and its block go with it; another server's stay."""
    await books.save(message(1, "zebrafish"), message(2, "numbat", guild_id=OTHER_GUILD))
    await books.word()
    await books.save(message(3, "waits"))
    await ServerStore(books.database).forget(GUILD)
    assert await books.database.checkpoint()

    for table in ("worded", "unworded", "blocks"):
        assert await books.database.fetch(f"SELECT 1 FROM {table} WHERE guild_id = ?", (GUILD,)) == []
    assert b"zebrafish" not in books.database.path.read_bytes()
    assert await books.found("numbat", guild_id=OTHER_GUILD) == [2]


async def test_a_sample_tells_how_much_there_is(books: Books) -> None:
    """All of a small server, some of a larger one; what was deleted or is hidden counts for nothing."""
    assert (await books.lexicon.sample(GUILD, EVERYTHING, 10)).n_texts == 0
    await books.save(*[message(i, f"number {i}") for i in range(1, 1_001)])
    await books.save(*[message(i, f"hidden {i}", channel_id=OTHER_CHANNEL) for i in range(1_001, 1_501)])
    await books.word()
    await books.word()
    seen = Scope(channel_ids=frozenset({CHANNEL}))
    whole, some = await books.lexicon.sample(GUILD, seen, 5_000), await books.lexicon.sample(GUILD, seen, 400)
    await books.messages.delete(GUILD, range(1, 1_001, 2))
    left = await books.lexicon.sample(GUILD, seen, 5_000)

    assert (whole.n_texts, len(whole.terms)) == (1_000, 1_000)
    assert (len(some.terms), len(some.places)) == (400, 400)
    assert 800 < some.n_texts < 1_200
    assert {place.channel_id for place in some.places} == {CHANNEL}
    assert left.n_texts == 500
    assert left.terms[2] == ["number", "2"]


async def test_a_sample_is_of_its_scope_alone(books: Books) -> None:
    """Of a time and of authors, whatever else there is; about how many there are is told of these alone."""
    await books.save(*[message(i, f"number {i}", author_id=(ADA, BOB)[i % 2]) for i in range(1, 1_001)])
    await books.word()
    scope = Scope(after_id=501, before_id=901, author_ids=frozenset({ADA}), excluded_ids=frozenset({502}))
    whole, some = await books.lexicon.sample(GUILD, scope, 1_000), await books.lexicon.sample(GUILD, scope, 100)

    assert sorted(whole.terms) == list(range(504, 901, 2))
    assert whole.n_texts == len(whole.terms) == 199
    assert len(some.terms) == 100
    assert some.terms.keys() < whole.terms.keys()
    assert 140 < some.n_texts < 280


async def test_a_sample_is_found_without_a_look_at_all(books: Books) -> None:
    """The lots stand in an index, whose expression is that of the question."""
    plan = await books.database.fetch(f"EXPLAIN QUERY PLAN {SAMPLE.format(conditions='')}", (GUILD, 10))

    assert "worded_by_lot" in plan[0][3]
    assert not any("TEMP B-TREE" in row[3] for row in plan)
