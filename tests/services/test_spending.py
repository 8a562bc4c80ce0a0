"""What embeddings cost is counted, and stops at what it may."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder, words_in
from make import CHANNEL, GUILD, OTHER_GUILD, message
from openai_server import KEY, EmbeddingsServer

from bot.askers import Member, Operator
from bot.embedding.base import Meter
from bot.embedding.openai import open_openai
from bot.embedding.tokens import Tokenizer
from bot.errors import BudgetSpent, EmbeddingError, StorageFailed
from bot.messages import Mode, Query
from bot.services.prices import Prices
from bot.services.spending import OPERATOR, Accounts, Spending, Spent, payer_of
from bot.storage.database import Database, open_to_read
from bot.storage.ledger import Ledger
from bot.vectors import Vectors

KEYED = "openai:words"
A_DOLLAR_A_WORD = Prices({KEYED: 1e6})
NOVEMBER, DECEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


class Clock:
    """Tells what time it is, which tests decide."""

    def __init__(self) -> None:
        self.now = NOVEMBER

    def __call__(self) -> datetime:
        return self.now


def spending_of(
    database: Database,
    *,
    budget: float | None = None,
    cap: float | None = None,
    prices: Prices = A_DOLLAR_A_WORD,
    clock: Clock | None = None,
) -> Spending:
    return Spending(Ledger(database), prices, count=words_in, budget=budget, cap=cap, now=clock or Clock())


async def paying_rooms(database: Database, embedder: WordEmbedder | None = None, **limits: object) -> Rooms:
    """The services with an embedder of which a word costs a dollar."""
    spending = spending_of(database, **limits)
    return await rooms_over(database, embedder or WordEmbedder(model_key=KEYED), spending=spending)


def member(channel_id: int, guild_id: int = GUILD) -> Member:
    return Member(guild_id, 7, frozenset({channel_id}))


async def save(rooms: Rooms, *texts: str, guild_id: int = GUILD, first: int = 1) -> None:
    """Messages are written, the first of them first."""
    await rooms.ingest.saved(guild_id, [message(i, text, guild_id=guild_id) for i, text in enumerate(texts, first)])


async def spent(rooms: Rooms) -> dict[int, tuple[int, int, float]]:
    """Tokens, texts and dollars of this month, by server."""
    told = await rooms.spending.spent()
    return {guild_id: (one.n_tokens, one.n_texts, one.micro_dollars / 1e6) for guild_id, one in told.items()}


async def n_pending(rooms: Rooms, guild_id: int) -> int:
    return (await rooms.embeddings.counts(guild_id)).pending


# --- what is counted


async def test_each_server_pays_for_its_own_texts(database: Database) -> None:
    """A request holds texts of several servers, and each has its own tokens and texts in the ledger."""
    rooms = await paying_rooms(database)
    await save(rooms, "one", "one two")
    await save(rooms, "one two three", guild_id=OTHER_GUILD, first=10)
    await rooms.settle()

    assert len(rooms.embedder.batches) == 1
    assert await spent(rooms) == {GUILD: (3, 2, 3.0), OTHER_GUILD: (3, 1, 3.0)}


async def test_the_parts_of_a_long_text_are_paid_for_too(database: Database) -> None:
    """A long text is one text with all the tokens of its parts, on the account of its server."""
    rooms = await paying_rooms(database)
    await save(rooms, "fish and chips. " * 40)
    await save(rooms, "one", guild_id=OTHER_GUILD, first=10)
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (240, 1, 240.0), OTHER_GUILD: (1, 1, 1.0)}


async def test_what_is_said_again_costs_nothing(database: Database) -> None:
    """A text that has its vector is not paid for a second time, by whomever it is said."""
    rooms = await paying_rooms(database)
    await save(rooms, "one two")
    await rooms.settle()
    await save(rooms, "one two", guild_id=OTHER_GUILD, first=10)
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}


async def test_a_model_that_runs_here_is_not_counted(database: Database) -> None:
    """Without a price to pay there is no row in the ledger, and no budget that could be reached."""
    rooms = await paying_rooms(database, WordEmbedder(model_key="local:words"), budget=1.0)
    await save(rooms, "one two three")
    await rooms.settle()
    await rooms.search.similar(member(CHANNEL), Query(text="four five"))

    assert await spent(rooms) == {}
    assert await n_pending(rooms, GUILD) == 0


async def test_tokens_of_a_model_without_a_price_are_counted(database: Database) -> None:
    """Nobody knows what it costs: tokens are told, no dollars, and a budget in dollars does not act."""
    rooms = await paying_rooms(database, prices=Prices(), budget=1.0)
    await rooms.spending.put_budget(GUILD, 1.0)
    await save(rooms, "one two three", "four")
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (4, 2, 0.0)}


async def test_the_answer_corrects_the_estimate(database: Database) -> None:
    """What the server charged for is kept in the end, cut by the estimates of the servers that the request was for."""

    class Charging(WordEmbedder):
        async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
            vectors = await super().embed(texts)
            if meter is not None:
                meter.n_tokens += 14
            return vectors

    rooms = await paying_rooms(database, Charging(model_key=KEYED))
    await save(rooms, "one", "one two")
    await save(rooms, "one two three four", guild_id=OTHER_GUILD, first=10)
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (6, 2, 6.0), OTHER_GUILD: (8, 1, 8.0)}


async def test_the_estimate_stays_where_the_server_tells_nothing(database: Database) -> None:
    """A server that does not say what it charges is believed to charge what was thought."""

    class Silent(WordEmbedder):
        async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
            return await super().embed(texts)

    rooms = await paying_rooms(database, Silent(model_key=KEYED))
    await save(rooms, "one two")
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}


async def test_what_failed_is_not_counted(database: Database) -> None:
    """An embedder that does not answer charges nothing."""
    rooms = await paying_rooms(database)
    rooms.embedder.failure = EmbeddingError("server_failed", "HTTP 503", retryable=True)
    await save(rooms, "one two")
    with pytest.raises(EmbeddingError):
        await rooms.settle()

    assert await spent(rooms) == {GUILD: (0, 0, 0.0)}


async def test_an_answer_of_no_use_is_counted(database: Database) -> None:
    """What was charged before a call failed is in the ledger, with no text that got a vector for it."""

    class Spoilt(WordEmbedder):
        async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
            await super().embed(texts, meter)
            raise EmbeddingError("wrong_count", "1 vectors for 2 texts", retryable=True)

    rooms = await paying_rooms(database, Spoilt(model_key=KEYED))
    await save(rooms, "one two")
    with pytest.raises(EmbeddingError):
        await rooms.settle()

    assert await spent(rooms) == {GUILD: (2, 0, 2.0)}


async def test_what_is_broken_off_stays_counted(database: Database) -> None:
    """Nobody knows whether a request that was dropped on its way was charged for: it is counted."""

    class Endless(WordEmbedder):
        async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    asked = asyncio.Event()
    rooms = await paying_rooms(database, Endless(model_key=KEYED))
    await save(rooms, "one two")
    settling = asyncio.create_task(rooms.settle())
    await asked.wait()
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling

    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}


async def test_a_text_that_is_refused_leaves_nothing_behind(database: Database) -> None:
    """Finding the text that the model refuses costs what the others cost, and the harmless one the operator."""
    rooms = await paying_rooms(database)
    rooms.embedder.poison = {"poison"}
    await save(rooms, "one two", "poison", "three")
    await rooms.settle()
    told = await spent(rooms)

    assert (told[GUILD][1], told[OPERATOR]) == (2, (1, 1, 1.0))
    assert (await rooms.embeddings.counts(GUILD)).parked == 1


async def test_questions_are_on_the_account_of_their_server(database: Database) -> None:
    """A member's question counts for the server, the operator's for nobody's, one by words or about a message not."""
    rooms = await paying_rooms(database)
    await save(rooms, "one two")
    await rooms.settle()
    await rooms.search.similar(member(CHANNEL), Query(text="one three four"))
    await rooms.search.similar(Operator(), Query(text="one five"))
    await rooms.search.similar(member(CHANNEL), Query(text="one", mode=Mode.WORDS))
    await rooms.search.similar(member(CHANNEL), Query(message_id=1))

    assert await spent(rooms) == {GUILD: (5, 2, 5.0), OPERATOR: (2, 1, 2.0)}


def test_who_asks_for_a_channel_pays_as_its_server() -> None:
    """Whoever is not the operator asks in a server."""
    assert (payer_of(Operator()), payer_of(member(CHANNEL))) == (OPERATOR, GUILD)


# --- budgets


async def test_a_backlog_stops_where_the_budget_is_reached(database: Database) -> None:
    """The newest texts are embedded until the sum reaches the budget, and not one more; the rest waits."""
    rooms = await paying_rooms(database, budget=5.0)
    await save(rooms, *(f"a{i} b{i}" for i in range(10)))
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (6, 3, 6.0)}
    assert rooms.embedder.texts == ["a9 b9", "a8 b8", "a7 b7"]
    assert await n_pending(rooms, GUILD) == 7


async def test_a_reached_budget_is_not_asked_again(database: Database) -> None:
    """Draining once more, and what is written later, costs nothing; what is stored stays stored."""
    rooms = await paying_rooms(database, budget=2.0)
    await save(rooms, "one two", "three four")
    await rooms.settle()
    await save(rooms, "five six", first=10)
    await rooms.settle()

    assert rooms.embedder.texts == ["three four"]
    assert (await n_pending(rooms, GUILD), await rooms.messages.count()) == (2, 3)


async def test_one_server_stops_and_the_others_go_on(database: Database) -> None:
    """A server that has reached its own budget waits, though its texts are the newest ones."""
    rooms = await paying_rooms(database)
    await rooms.spending.put_budget(GUILD, 2.0)
    await save(rooms, *(f"a{i} b{i}" for i in range(5)), first=100)
    await save(rooms, *(f"c{i} d{i}" for i in range(5)), guild_id=OTHER_GUILD)
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (2, 1, 2.0), OTHER_GUILD: (10, 5, 10.0)}
    assert (await n_pending(rooms, GUILD), await n_pending(rooms, OTHER_GUILD)) == (4, 0)


async def test_no_server_costs_more_than_the_operator_allows_each(database: Database) -> None:
    """Whatever it allows itself; who allows itself less has that, and questions of the operator are not a server's."""
    rooms = await paying_rooms(database, cap=4.0)
    await rooms.spending.put_budget(GUILD, 100.0)
    await rooms.spending.put_budget(OTHER_GUILD, 2.0)
    await save(rooms, *(f"a{i} b{i}" for i in range(5)), first=100)
    await save(rooms, *(f"c{i} d{i}" for i in range(5)), guild_id=OTHER_GUILD)
    await rooms.settle()
    assert await spent(rooms) == {GUILD: (4, 2, 4.0), OTHER_GUILD: (2, 1, 2.0)}
    assert (await n_pending(rooms, GUILD), await n_pending(rooms, OTHER_GUILD)) == (3, 4)

    with pytest.raises(BudgetSpent):
        await rooms.search.question(member(CHANNEL), Query(text="a9", mode=Mode.MEANING))
    for text in ("one two three", "four five six"):
        await rooms.search.question(Operator(), Query(text=text, mode=Mode.MEANING))
    assert (await spent(rooms))[OPERATOR] == (6, 2, 6.0)


async def test_a_server_that_has_set_nothing_is_capped(database: Database) -> None:
    """It stops where the operator says, and goes on with the next month."""
    clock = Clock()
    rooms = await paying_rooms(database, cap=2.0, clock=clock)
    await save(rooms, "one two", "three four", "five six")
    await rooms.settle()
    assert await n_pending(rooms, GUILD) == 2

    clock.now = DECEMBER
    await rooms.settle()
    assert await n_pending(rooms, GUILD) == 1


async def test_a_higher_budget_lets_it_go_on(database: Database) -> None:
    """What waited for money gets its vectors once the server may cost more, or whatever it comes to."""
    rooms = await paying_rooms(database)
    await rooms.spending.put_budget(GUILD, 2.0)
    await save(rooms, *(f"a{i} b{i}" for i in range(5)))
    await rooms.settle()
    await rooms.spending.put_budget(GUILD, 4.0)
    await rooms.settle()
    assert await n_pending(rooms, GUILD) == 3

    await rooms.spending.put_budget(GUILD, None)
    await rooms.settle()
    assert await n_pending(rooms, GUILD) == 0


async def test_a_new_month_begins_at_nothing(database: Database) -> None:
    """Months are those of UTC: what waited on the last evening goes on at midnight, and each month has its own sum."""
    clock = Clock()
    rooms = await paying_rooms(database, budget=2.0, clock=clock)
    await save(rooms, "one two", "three four", "five six")
    await rooms.settle()
    clock.now = DECEMBER
    await rooms.settle()

    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}
    assert await n_pending(rooms, GUILD) == 1
    clock.now = NOVEMBER
    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}


async def test_an_answer_after_midnight_counts_for_the_month_of_its_question(database: Database) -> None:
    """A correction goes to the month that the estimate is in."""

    class Slow(WordEmbedder):
        async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
            clock.now = DECEMBER
            return await super().embed([f"{text} again" for text in texts], meter)

    clock = Clock()
    rooms = await paying_rooms(database, Slow(model_key=KEYED), clock=clock)
    await save(rooms, "one two")
    await rooms.settle()

    assert await spent(rooms) == {}
    clock.now = NOVEMBER
    assert await spent(rooms) == {GUILD: (3, 1, 3.0)}


async def test_questions_are_answered_by_words_when_the_budget_is_reached(database: Database) -> None:
    """The words are looked for and it is told why; a server that has money left is answered in full."""
    rooms = await paying_rooms(database)
    await save(rooms, "red fish")
    await save(rooms, "red bird", guild_id=OTHER_GUILD, first=10)
    await rooms.settle()
    await rooms.spending.put_budget(GUILD, 2.0)

    question = await rooms.search.question(member(CHANNEL), Query(text="red"))
    assert isinstance(question.failure, BudgetSpent)
    assert [hit.message.content for hit in await rooms.search.nearest(question)] == ["red fish"]
    with pytest.raises(BudgetSpent):
        await rooms.search.similar(member(CHANNEL), Query(text="red", mode=Mode.MEANING))
    assert [hit.message.content for hit in await rooms.search.similar(member(CHANNEL), Query(message_id=1))] == []

    question = await rooms.search.question(member(CHANNEL, OTHER_GUILD), Query(text="red"))
    assert question.failure is None


async def test_while_texts_wait_for_money_the_former_model_answers(database: Database) -> None:
    """A new model takes over once it has all its vectors, not when its budget is reached."""
    former = await rooms_over(database)
    await save(former, "one two", "three four")
    await former.settle()
    rooms = await paying_rooms(database, budget=2.0)
    await rooms.settle()
    assert await rooms.embeddings.generations.others() != []

    await rooms.indexer.settle()
    assert await rooms.embeddings.generations.others() != []


async def test_a_question_is_answered_where_the_ledger_takes_nothing(database: Database) -> None:
    """A process that only reads asks all the same, and a budget that is reached holds there too."""
    rooms = await paying_rooms(database)
    await save(rooms, "one two")
    await rooms.settle()
    async with open_to_read(database.path.parent) as reading:
        spending = spending_of(reading)
        assert (await spending.payer(rooms.embedder, Operator()).embed(["three"])).shape == (1, rooms.embedder.dim)
        with pytest.raises(BudgetSpent):
            await spending_of(reading, budget=1.0).payer(rooms.embedder, Operator()).embed(["three"])

    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}


async def test_what_the_ledger_does_not_take_is_not_bought(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that cannot be counted wait: nothing is asked of the embedder."""
    rooms = await paying_rooms(database)

    async def refuse(*_: object) -> None:
        raise StorageFailed("disk is full")

    monkeypatch.setattr(Ledger, "add", refuse)
    await save(rooms, "one two")
    with pytest.raises(StorageFailed):
        await rooms.settle()

    assert rooms.embedder.texts == []


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, write: str, *, after: int) -> None:
    """The ledger takes so many writes of a kind, and then no more."""
    original, left = getattr(Ledger, write), iter(range(after))

    async def written(*arguments: object, **named: object) -> object:
        if next(left, None) is None:
            raise StorageFailed("disk is full")
        return await original(*arguments, **named)

    monkeypatch.setattr(Ledger, write, written)


LATE_WRITES = pytest.mark.parametrize(("write", "after"), [("add", 1), ("warns_first", 0)])


@LATE_WRITES
async def test_a_question_is_not_bought_twice(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    write: str,
    after: int,
) -> None:
    """What the ledger no longer takes once the vector is there is told to the log; the question was asked once."""
    rooms = await paying_rooms(database, budget=2.0)
    fill_the_disk(monkeypatch, write, after=after)
    vectors = await rooms.spending.payer(rooms.embedder, Operator()).embed(["one two"])

    assert vectors.shape == (1, rooms.embedder.dim)
    assert rooms.embedder.texts == ["one two"]
    assert await spent(rooms) == {OPERATOR: (2, 1, 2.0)}
    assert caplog.messages[-1].endswith("could be put down: StorageFailed(reason=disk is full)")


@LATE_WRITES
async def test_vectors_that_were_bought_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch, write: str, after: int
) -> None:
    """Where the ledger takes the estimate and nothing later, texts have their vectors and do not wait for others."""
    rooms = await paying_rooms(database, budget=2.0)
    fill_the_disk(monkeypatch, write, after=after)
    await save(rooms, "one two")
    await rooms.settle()

    assert rooms.embedder.texts == ["one two"]
    assert await n_pending(rooms, GUILD) == 0
    assert await spent(rooms) == {GUILD: (2, 1, 2.0)}


async def test_a_failure_stays_what_it_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder that fails is not asked again because the ledger does not take that either."""

    class Failing(WordEmbedder):
        async def embed(self, texts: Sequence[str], meter: Meter | None = None) -> Vectors:
            await super().embed(texts, meter)
            raise EmbeddingError("server_failed", "HTTP 503", retryable=True)

    rooms = await paying_rooms(database, Failing(model_key=KEYED))
    fill_the_disk(monkeypatch, "add", after=1)
    with pytest.raises(EmbeddingError):
        await rooms.spending.payer(rooms.embedder, Operator()).embed(["one two"])

    assert rooms.embedder.texts == ["one two"]


async def test_a_warning_that_was_not_put_down_comes_with_the_next_request(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that is full for a moment keeps nobody from being told."""
    rooms = await paying_rooms(database, budget=10.0)
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "warns_first", after=0)
        await rooms.spending.embed(rooms.embedder, [["1 2 3 4 5 6 7 8"]], [GUILD])
    await rooms.spending.embed(rooms.embedder, [["9"]], [GUILD])

    assert caplog.messages[-1] == "80 % of the budget of all servers for 2026-11 are spent"


# --- warnings


async def test_the_log_is_told_once_a_month_that_a_budget_comes_to_its_end(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """At 80 % and at 100 % there is a line for each budget, and no second one, whatever process comes next."""
    clock = Clock()

    async def buy(text: str) -> list[str]:
        caplog.clear()
        rooms = await paying_rooms(database, budget=10.0, clock=clock)
        rooms.embedder.batches.clear()
        await save(rooms, text, first=next(number))
        with caplog.at_level(logging.WARNING):
            await rooms.settle()
        return [record.getMessage() for record in caplog.records]

    number = iter(range(1, 100))
    assert await buy("1 2 3 4 5 6 7") == []
    assert await buy("8") == ["80 % of the budget of all servers for 2026-11 are spent"]
    assert await buy("9") == []
    assert await buy("10") == ["100 % of the budget of all servers for 2026-11 are spent"]
    clock.now = DECEMBER
    assert await buy("1 2 3 4 5 6 7 8 9") == ["80 % of the budget of all servers for 2026-12 are spent"]


async def test_the_log_names_the_server_whose_budget_it_is(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A server's own budget is told by its id, and no text is."""
    rooms = await paying_rooms(database)
    await rooms.spending.put_budget(GUILD, 2.0)
    await save(rooms, "secret words")
    with caplog.at_level(logging.WARNING):
        await rooms.settle()

    assert caplog.messages == [f"100 % of the budget of server {GUILD} for 2026-11 are spent"]


def test_accounts_tell_what_is_left() -> None:
    """A server is told of what it may cost itself, of which never less than nothing is left."""
    accounts = Accounts({GUILD: 3.0, OTHER_GUILD: 4.0}, {GUILD: 5.0}, 10.0)
    assert (accounts.left(GUILD), accounts.left(OTHER_GUILD), Accounts().left(GUILD)) == (2.0, None, None)
    assert (accounts.share(GUILD), accounts.share(OPERATOR), accounts.share(OTHER_GUILD)) == (0.6, 0.7, None)

    assert Accounts({GUILD: 9.0}, {GUILD: 5.0}).left(GUILD) == 0.0
    capped = Accounts({GUILD: 3.0, OPERATOR: 9.0}, {GUILD: 5.0, OTHER_GUILD: 1.0}, cap=4.0)
    assert [capped.left(guild_id) for guild_id in (GUILD, OTHER_GUILD, 3000)] == [1.0, 1.0, 4.0]
    assert [capped.is_capped(guild_id) for guild_id in (GUILD, OTHER_GUILD, 3000, OPERATOR)] == [
        True,
        False,
        True,
        False,
    ]
    assert (capped.spent_up, capped.is_spent(OPERATOR), capped.share(OPERATOR)) == (set(), False, None)
    assert Spent(1, 1, 1.0) + -Spent(1, 1, 1.0) == Spent()


# --- over the wire


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddingsServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with EmbeddingsServer() as api:
        yield api


async def test_no_more_than_one_request_goes_over_the_budget(database: Database, api: EmbeddingsServer) -> None:
    """Where texts turn out dearer than they were thought, the request that reaches the budget is the last one.

    The server charges a token a byte, several times what the tokenizer thinks.
    """
    limits = {"api_key": KEY, "base_url": api.base_url, "model": "text-embedding-3-small", "dimensions": 8}
    async with open_openai(**limits) as embedder:
        prices = Prices({embedder.model_key: 1.0})  # a token is a millionth of a dollar
        spending = Spending(Ledger(database), prices, count=Tokenizer(), budget=0.5)
        rooms = await rooms_over(database, embedder, spending=spending)
        await save(rooms, *(f"{i} {'fish and chips ' * 200}" for i in range(300)))
        await rooms.settle()

    sizes = [asked.n_bytes for asked in api.requests]
    assert sum(sizes[:-1]) < 500_000 <= sum(sizes)
    [of_all] = (await spending.spent()).values()
    assert of_all.n_tokens == sum(sizes)
    assert await n_pending(rooms, GUILD) == 300 - of_all.n_texts  # a long text is one, whatever parts it has
