"""/similar and Find similar, as people see them."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from live import Bot, eventually, running
from openai_server import KEY, EmbeddingsServer, meant
from standin import Answer, BadOption, Discord, NotAllowed, Person
from standin.messages import Message
from town import CONNECT, HISTORY, VIEW, Town, shown

NOTHING = "Nothing was found that is related, among the messages that you may read."
NO_MESSAGE = "There is no such message that you may see."
NO_TEXT = "There is no text to compare: ask with some words."
NOT_HERE = "This works in servers that the bot is a member of only: ask there."
AWAY = (
    "Nothing was found that is related, among the messages that you may read.\n"
    "The service that compares meanings does not answer at the moment: "
    "only messages with the same words were looked for."
)
NOT_YET = "That message cannot be compared yet: please try again in a moment."
PREPARING = "The messages are being prepared for a new model: please try again later."
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DEFERRED = 5  # Discord's number for "thinking"


async def test_a_question_is_answered_to_the_asker_alone(town: Town) -> None:
    """The answer names author, channel, age, score and text, links to the message, and only the asker sees it."""
    message = await town.square.post(town.bob, "The *ferry* leaves at noon")
    await town.index()

    answer = await town.similar(town.ada, "when does the boat go?")
    assert answer.is_ephemeral
    text = shown(answer)
    assert town.bob.name in text
    assert f"<#{town.square.id}>" in text
    assert f"<t:{int(message.at.timestamp())}:R>" in text
    assert message.url in text
    assert r"The \*ferry\* leaves at noon" in text
    assert " %" in text


async def test_the_wait_for_an_answer_is_seen_by_the_asker_alone(town: Town) -> None:
    """From the first moment on, when the bot is still thinking, nobody else sees that somebody asks."""
    interaction = await town.ada.slash(town.square, "similar", text="the ferry")

    assert await interaction.called_back() == DEFERRED
    assert interaction.original.is_ephemeral
    await interaction.answer()
    assert town.square.messages == []


async def test_the_nearest_comes_first(town: Town) -> None:
    """Hits stand in the order of their scores, numbered from one."""
    town.square.seed(town.bob, ["We bake bread on Sundays", "The train to Kyoto was late"])
    await town.index()

    text = shown(await town.similar(town.ada, "The train to Kyoto was late"))
    assert text.startswith("**1.**")
    assert text.index("train to Kyoto") < text.index("**2.**") < text.index("bread")
    assert "100 %" in text


async def test_a_japanese_person_is_answered_in_japanese(town: Town) -> None:
    """The words of an answer are in the language of the asker's client."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    await town.index()
    hanako = town.newcomer("hanako", locale="ja")

    answer = await town.similar(hanako, "船はいつ出ますか")
    assert answer.embeds[0]["title"] == "似たメッセージ"
    assert "[移動](" in shown(answer)
    assert answer.buttons == ["共有"]
    assert "まだ" not in shown(answer)


async def test_where_nothing_is_stored_nothing_is_found(town: Town) -> None:
    """In a server that has nothing indexed the answer is a sentence without buttons."""
    answer = await town.similar(town.ada, "anything at all")

    assert shown(answer) == NOTHING
    assert answer.buttons == []


async def test_the_texts_of_other_servers_are_never_found(town: Town) -> None:
    """A member of two servers finds in each only what was written there."""
    elsewhere = town.discord.guild("Elsewhere", owner=town.ada)
    other = elsewhere.text("hall")
    await town.square.post(town.bob, "the lighthouse is white")
    await town.index()

    interaction = await town.ada.slash(other, "similar", text="the lighthouse is white")
    assert shown(await interaction.answer()) == NOTHING


@pytest.mark.parametrize("text", ["\u200b\u200d", "\ufe0f", "\u3164", "\u2800 \u3000"], ids=ascii)
async def test_b1_a_text_that_shows_nothing_is_no_question(town: Town, text) -> None:
    """Invisible characters alone are answered with a sentence."""
    assert shown(await town.similar(town.ada, text)) == NO_TEXT


async def test_b15_emoji_alone_are_a_question(town: Town) -> None:
    """Emoji are text like any other in a question and beside words; a message of nothing else is no answer."""
    await town.square.post(town.bob, "🎂🎉")
    await town.square.post(town.bob, "🎂🎉 to the baker")
    await town.index()

    answer = shown(await town.similar(town.ada, "🎂🎉"))
    assert "🎂🎉 to the baker" in answer
    assert "**2.**" not in answer


async def test_b3_the_longest_question_is_answered(town: Town) -> None:
    """A question of as many characters as Discord takes is answered."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    await town.index()

    assert "ferry" in shown(await town.similar(town.ada, "when does the ferry leave? " * 148))


# --- narrowing


async def test_only_in_a_channel_with_its_threads(town: Town) -> None:
    """A question about a text channel finds what stands there and in its threads, and nothing else."""
    harbour = town.guild.text("harbour")
    thread = await harbour.thread("boats", by=town.bob)
    await harbour.post(town.bob, "the ferry leaves at noon")
    await thread.post(town.bob, "the ferry is painted red")
    await town.square.post(town.bob, "the ferry was cancelled")
    await town.index()

    text = shown(await town.similar(town.ada, "ferry", channel=harbour))
    assert "noon" in text
    assert "red" in text
    assert "cancelled" not in text


async def test_only_in_a_thread(town: Town) -> None:
    """A question about a thread finds nothing of its channel."""
    thread = await town.square.thread("boats", by=town.bob)
    await thread.post(town.bob, "the ferry is painted red")
    await town.square.post(town.bob, "the ferry was cancelled")
    await town.index()

    text = shown(await town.similar(town.ada, "ferry", channel=thread))
    assert "red" in text
    assert "cancelled" not in text


async def test_only_in_a_forum(town: Town) -> None:
    """A question about a forum finds its posts and what is answered to them."""
    forum = town.guild.forum("help")
    post = await forum.post(town.bob, "Ferry", "when does the ferry leave?")
    await post.post(town.ada, "the ferry leaves at noon")
    await town.square.post(town.bob, "the ferry was cancelled")
    await town.index()

    text = shown(await town.similar(town.ada, "ferry", channel=forum))
    assert "when does" in text
    assert "noon" in text
    assert "cancelled" not in text


async def test_only_in_a_category(town: Town) -> None:
    """A question about a category finds what stands in its channels, their threads and its forums' posts."""
    category = town.guild.category("travel")
    harbour = town.guild.text("harbour", category=category)
    empty = town.guild.text("talk", category=category)
    forum = town.guild.forum("help", category=category)
    await harbour.post(town.bob, "the ferry leaves at noon")
    await (await empty.thread("boats", by=town.bob)).post(town.bob, "the ferry is painted red")
    await forum.post(town.bob, "Ferry", "the ferry makes me sick")
    await town.square.post(town.bob, "the ferry was cancelled")
    await town.index()

    text = shown(await town.similar(town.ada, "ferry", channel=category))
    assert "noon" in text
    assert "red" in text
    assert "sick" in text
    assert "cancelled" not in text


async def test_only_of_an_author(town: Town) -> None:
    """A question about a person finds only what they wrote."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    await town.square.post(town.ada, "the ferry was cancelled")
    await town.index()

    text = shown(await town.similar(town.ada, "ferry", author=town.bob))
    assert "noon" in text
    assert "cancelled" not in text


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"after": "2026-01-02"}, ["second", "third"]),
        ({"before": "2026-01-02"}, ["first"]),
        ({"after": "2026-01-02", "before": "2026-01-03"}, ["second"]),
        ({"after": "2026-01-03", "before": "2026-01-02"}, []),
        ({"after": " 2026-01-03 "}, ["third"]),
        ({"before": "0001-01-01"}, []),
        ({"after": "9999-12-31"}, []),
        ({"after": "99y"}, ["first", "second", "third"]),
        ({"after": "1h"}, []),
        ({"before": "1h"}, ["first", "second", "third"]),
    ],
    ids=str,
)
async def test_only_of_a_time(town: Town, options, found) -> None:
    """Days and ages bound what is found: from the first instant of `after` on, and until that of `before`."""
    texts = ["the first ferry", "the second ferry", "the third ferry"]
    town.square.seed(town.bob, texts, start=BEGAN, step=timedelta(days=1))
    await town.index()

    text = shown(await town.similar(town.ada, "ferry", **options))
    assert [word for word in ("first", "second", "third") if word in text] == found


@pytest.mark.parametrize("option", ["after", "before"])
@pytest.mark.parametrize("typed", ["soon", "2025-02-30", "01/02/2025", "99999y", "-1d", "{0.__class__}", "٣d"])
async def test_b19_a_moment_that_is_none_is_told(town: Town, option, typed) -> None:
    """What is neither a day nor an age is repeated in a sentence that says how to write one."""
    answer = await town.similar(town.ada, "ferry", **{option: typed})

    assert shown(answer) == (
        f"{typed!r} is no date: write it as 2025-03-01, or as an age such as 12h, 30d, 2w, 6m or 1y."
    )
    assert answer.is_ephemeral


async def test_b19_no_moment_is_longer_than_can_be_repeated(town: Town) -> None:
    """The longest text that the client lets anybody type for a moment is answered with a sentence."""
    with pytest.raises(BadOption):
        await town.ada.slash(town.square, "similar", text="ferry", after="x" * 1_000)

    assert "is no date" in shown(await town.similar(town.ada, "ferry", after="*" * 32))


@pytest.mark.parametrize("limit", [0, -1, 51, 10**9])
async def test_b17_a_client_lets_nobody_ask_for_more_than_fifty(town: Town, limit) -> None:
    """The command takes one to fifty hits."""
    with pytest.raises(BadOption):
        await town.ada.slash(town.square, "similar", text="ferry", limit=limit)


@pytest.mark.parametrize(("limit", "pages"), [(1, [1]), (5, [5]), (6, [5, 1]), (None, [5, 5]), (50, [5, 5, 2])])
async def test_pages_hold_five_hits(town: Town, limit, pages) -> None:
    """As many hits as were asked for, ten if nothing was said, come in pages of five."""
    town.square.seed(town.bob, [f"the ferry number {n} leaves at noon" for n in range(12)])
    await town.index()

    answer = await town.similar(town.ada, "ferry", limit=limit)
    counted = [shown(answer).count(" leaves at noon")]
    while "Next" in answer.buttons:
        await (await town.ada.press(answer, "Next")).answer()
        counted.append(shown(answer).count(" leaves at noon"))
    assert counted == pages


async def test_the_footer_says_how_much_more_there_is(town: Town) -> None:
    """A page tells how many hits follow it, and the last one that it is the last."""
    town.square.seed(town.bob, [f"the ferry number {n}" for n in range(7)])
    await town.index()

    answer = await town.similar(town.ada, "ferry")
    assert answer.embeds[0]["footer"]["text"] == "2 more"
    await (await town.ada.press(answer, "Next")).answer()
    assert answer.embeds[0]["footer"]["text"] == "No more"


# --- suggestions


async def test_moments_are_suggested(town: Town) -> None:
    """Without anything typed, the days and ages that people mean most often are offered, in their language."""
    today = datetime.now(UTC).date()
    days = [str(today), str(today - timedelta(days=1))]
    hanako = town.newcomer("hanako", locale="ja")

    english = await town.ada.autocomplete(town.square, "similar", focus="after")
    japanese = await hanako.autocomplete(town.square, "similar", focus="before")
    assert [choice["value"] for choice in english] == [*days, "7d", "30d", "6m", "1y"]
    assert [choice["value"] for choice in japanese] == [*days, "7d", "30d", "6m", "1y"]
    assert [choice["name"] for choice in english][1:4] == [f"yesterday ({days[1]})", "7 days ago", "30 days ago"]
    assert [choice["name"] for choice in japanese][1:4] == [f"昨日({days[1]})", "7 日前", "30 日前"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("7 days", ["7d"]),  # a 7 alone stands in the dates of some days, too
        ("A year", ["1y"]),
        ("6m", ["6m"]),
        ("45d", ["45d"]),
        ("2025-03-01", ["2025-03-01"]),
        ("soon", []),
        ("x" * 32, []),
    ],
)
async def test_suggestions_follow_what_is_typed(town: Town, typed, offered) -> None:
    """What was typed narrows the suggestions; a moment that is none of them is offered itself."""
    choices = await town.ada.autocomplete(town.square, "similar", text="ferry", after=typed, focus="after")

    assert [choice["value"] for choice in choices] == offered


async def test_b48_suggestions_cost_no_questions(town: Town) -> None:
    """However much somebody types, they may still ask."""
    for _ in range(8):
        await town.ada.autocomplete(town.square, "similar", text="ferry", focus="after")

    assert shown(await town.similar(town.ada, "ferry")) == NOTHING


# --- links


@pytest.mark.parametrize(
    "form",
    [
        "https://discord.com/channels/{0}/{1}/{2}",
        "http://discord.com/channels/{0}/{1}/{2}",
        "https://ptb.discord.com/channels/{0}/{1}/{2}",
        "https://canary.discord.com/channels/{0}/{1}/{2}",
        "https://discordapp.com/channels/{0}/{1}/{2}",
        "<https://discord.com/channels/{0}/{1}/{2}>",
        "  https://discord.com/channels/{0}/{1}/{2}/ ",
    ],
)
async def test_b46_a_link_asks_about_the_message_it_leads_to(town: Town, form) -> None:
    """A link to a stored message finds what is like it, but not the message itself."""
    asked = await town.square.post(town.bob, "my cat sleeps all day")
    town.square.seed(town.bob, ["kittens nap from morning to night", "the bridge is closed"])
    await town.index()

    answer = await town.similar(town.ada, form.format(town.guild.id, town.square.id, asked.id), limit=1)
    assert "kittens" in shown(answer)


async def test_b46_no_link_tells_what_is_there(town: Town) -> None:
    """A message that is not there and one that the asker may not see are answered alike, byte for byte."""
    guests = town.guild.role("guests")
    elsewhere = town.discord.guild("Elsewhere", owner=town.ada)
    unseen = town.discord.guild("Unseen", owner=town.ada, bot_is_member=False)
    closed = [
        town.private("cellar"),
        town.guild.text("attic", overwrites={guests: (0, HISTORY)}),
        town.guild.text("vault", overwrites={town.guild.everyone: (0, VIEW)}),
        town.guild.voice("tower", overwrites={guests: (0, CONNECT)}),
        await town.square.thread("between us", by=town.ada, private=True),
        elsewhere.text("hall"),
        unseen.text("room"),
    ]
    hidden = [await place.post(town.ada, "a secret") for place in closed]
    deleted, own = [await town.square.post(town.bob, text) for text in ("soon gone", "here to stay")]
    category, forum = town.guild.category("travel"), town.guild.forum("help")
    await town.include("voice")
    await town.index()
    await deleted.delete()
    await town.stored("a secret", "a secret", "a secret", "here to stay")
    hidden.append(await closed[0].post(town.discord.bot, "of a bot, so never stored"))

    url, n = "https://discord.com/channels", town.discord.snowflakes.new()
    places = (town.square, closed[0], category, forum)
    links = [
        *(message.url for message in (*hidden, deleted)),
        *(f"{url}/{town.guild.id}/{place.id}/{n}" for place in places),
        *(f"{url}/{town.guild.id}/{place}/{n}" for place in (0, n, "9" * 20)),
        f"{url}/{n}/{n}/{n}",
        f"{url}/{n}/{town.square.id}/{own.id}",
        f"{url}/@me/{town.square.id}/{own.id}",
        f"{url}/@me/{n}/{n}",
    ]
    answers = {}
    for link in links:
        guest = town.newcomer("guest", roles=[guests])
        elsewhere.join(guest)
        answers[link] = await town.similar(guest, link)
    told = {link: (answer.content, answer.embeds, answer.components) for link, answer in answers.items()}
    assert told == dict.fromkeys(links, (NO_MESSAGE, [], []))


async def test_b46_what_is_hidden_and_what_is_missing_take_the_same_path(town: Town) -> None:
    """Of a message in a closed channel nothing is asked of Discord that is not asked of one that never was."""
    cellar = town.private("cellar")
    stored = await cellar.post(town.ada, "a secret")
    await town.index()
    unstored = await cellar.post(town.discord.bot, "of a bot, so never stored")
    missing = f"{cellar.url}/{town.discord.snowflakes.new()}"

    paths = []
    for link in (stored.url, unstored.url, missing):
        guest, before = town.newcomer("guest"), len(town.discord.requests)
        assert shown(await town.similar(guest, link)) == NO_MESSAGE
        paths.append([request.route for request in town.discord.requests[before:]])
    assert paths[0] == paths[1] == paths[2]


async def test_b16_an_id_that_is_none_is_told(town: Town) -> None:
    """A link whose message id cannot be one is answered with a sentence that repeats only what was typed."""
    url = f"https://discord.com/channels/{town.guild.id}/{town.square.id}"

    zero = await town.similar(town.ada, f"{url}/0")
    assert shown(zero) == "0 is no Discord id: it must lie between 1 and 9223372036854775807."
    large = await town.similar(town.ada, f"{url}/{2**63}")
    assert shown(large) == f"{2**63} is no Discord id: it must lie between 1 and 9223372036854775807."


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "https://example.com/channels/1/2/3",
        "https://discord.com.example.com/channels/1/2/3",
        "https://discord.com/channels/1/2",
        "see https://discord.com/channels/1/2/3",
        "<@1> @everyone '; DROP TABLE messages; --",
    ],
)
async def test_b46_what_is_no_link_to_a_message_is_a_text(town: Town, text) -> None:
    """Only a link to a message is followed; everything else is looked for as it stands."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    await town.index()

    assert "ferry" in shown(await town.similar(town.ada, text))


async def test_b46_a_link_to_what_is_not_stored_is_read_for_those_who_may(town: Town) -> None:
    """A readable message that is not stored is asked about by its text, in channels and threads; nothing is kept."""
    await town.square.post(town.bob, "kittens nap from morning to night")
    await town.square.post(town.bob, "the bridge is closed")
    outside = town.guild.text("outside")
    await (await town.ada.slash(town.square, "index stop", channel=outside)).answer()
    await town.index()
    thread = await outside.thread("aside", by=town.bob)
    asked = [await place.post(town.bob, "my cat sleeps all day") for place in (outside, thread)]
    asked.append(await town.square.post(town.discord.bot, "a cat asleep"))

    for message in asked:
        assert "kittens" in shown(await town.similar(town.bob, message.url, limit=1))
    await town.stored("kittens nap from morning to night", "the bridge is closed")


async def test_b46_a_link_into_an_archived_thread_is_read(town: Town) -> None:
    """A message in an archived thread that nobody indexed is asked about like any other."""
    await town.square.post(town.bob, "kittens nap from morning to night")
    outside = town.guild.text("outside")
    await (await town.ada.slash(town.square, "index stop", channel=outside)).answer()
    await town.index()
    thread = await outside.thread("aside", by=town.bob)
    asked = await thread.post(town.bob, "my cat sleeps all day")
    await thread.archive()

    assert "kittens" in shown(await town.similar(town.bob, asked.url))


async def test_b2_a_link_to_a_message_without_text_is_told(town: Town) -> None:
    """A message that holds no words, stored or not, cannot be compared."""
    stored = await town.square.post(town.bob, "", attachments=["image.png"])
    await town.index()
    unstored = await town.square.post(town.discord.bot, "", attachments=["image.png"])

    assert shown(await town.similar(town.bob, stored.url)) == NO_TEXT
    assert shown(await town.similar(town.bob, unstored.url)) == NO_TEXT


async def test_f19_a_link_that_discord_refuses_to_the_bot_is_told(town: Town) -> None:
    """When Discord does not give out a linked message, the person is told as if there were none."""
    message = await town.square.post(town.discord.bot, "never stored")
    town.discord.fail("GET", "/channels/{channel_id}/messages/{message_id}", status=403, channel=town.square)

    assert shown(await town.similar(town.bob, message.url)) == NO_MESSAGE


# --- what is asked too often, or from elsewhere


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en-US", r"That was fast: please ask again <t:(\d+):R>\."),
        ("ja", r"少し早すぎます。<t:(\d+):R>にもう一度どうぞ。"),
    ],
)
async def test_b48_who_asks_too_fast_is_told_when_to_ask_again(town: Town, locale, sentence) -> None:
    """Of a hundred questions at once by one person few are answered, the others get a sentence; nobody else waits."""
    carol = town.newcomer("carol", locale=locale)
    message = await town.square.post(town.bob, "the ferry leaves at noon")
    began = int(time.time())
    questions = [await carol.slash(town.square, "similar", text="ferry") for _ in range(100)]
    answers = [await one.answer(30) for one in questions]

    refused = [answer for answer in answers if (told := re.fullmatch(sentence, answer.content))]
    assert 100 - len(refused) in range(10, 10 + len(range(0, int(time.time()) - began + 1, 2)) + 1)
    assert all(answer.is_ephemeral for answer in answers)
    assert began < int(told[1]) <= time.time() + 3
    assert shown(await town.similar(town.ada, "ferry")) == NOTHING
    assert re.fullmatch(sentence, (await found_like(town, carol, message)).content)


async def test_b48_a_server_that_asks_too_much_is_told_so(town: Town) -> None:
    """When many ask at once the last ones are told that it is not they themselves; another server is answered."""
    crowd = [town.newcomer(f"guest{n}") for n in range(12)]
    questions = [await guest.slash(town.square, "similar", text="ferry") for guest in crowd for _ in range(10)]
    answers = [shown(await one.answer(30)) for one in questions]

    assert NOTHING in answers
    assert answers[-1].startswith("Many people ask in this server just now: please ask again <t:")
    elsewhere = town.discord.guild("Elsewhere", owner=town.ada)
    asked = await town.ada.slash(elsewhere.text("lobby"), "similar", text="ferry")
    assert shown(await asked.answer()) == NOTHING


async def test_b48_a_storm_of_equal_questions_is_paid_for_once(tmp_path: Path) -> None:
    """What a dozen people ask at once, and then once more, is one request to the embeddings service."""
    async with EmbeddingsServer(vectors_of=meant) as api, Discord.open() as discord:
        settings = {"EMBEDDER": "openai", "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": api.base_url}
        async with running(discord, tmp_path / "data", **settings) as bot:
            town = town_on(discord, bot)
            town.square.seed(town.bob, ["my cat sleeps all day", "the bridge is closed"])
            await town.begin()
            await eventually(lambda: bot.rows("SELECT count(*) FROM embeddings") == [(2,)], within=60)
            crowd = [town.newcomer(f"guest{n}") for n in range(12)]
            for _ in range(2):
                asked = [await guest.slash(town.square, "similar", text="where are the kittens?") for guest in crowd]
                answers = [shown(await one.answer(30)) for one in asked]
                assert all("my cat sleeps" in answer for answer in answers)

            assert sum("where are the kittens?" in one.texts for one in api.requests) == 1


async def test_b48_the_menu_may_not_be_used_without_end(town: Town) -> None:
    """Asking by the menu is limited like asking by the command."""
    message = await town.square.post(town.bob, "the ferry leaves at noon")
    asked = [await town.bob.menu(town.square, "Find similar", message) for _ in range(40)]
    answers = [shown(await one.answer(30)) for one in asked]

    assert answers[:10] == [NOTHING] * 10
    assert any(answer.startswith("That was fast") for answer in answers)


@pytest.mark.parametrize(("locale", "sentence"), [("en-US", NOT_HERE), ("ja", "ボットが参加しているサーバー")])
async def test_b29_a_question_in_a_direct_message_is_told_where_to_ask(town: Town, locale, sentence) -> None:
    """The command is not shown in direct messages, and one that comes from there gets a sentence."""
    carol = town.newcomer("carol", locale=locale)
    with pytest.raises(NotAllowed):
        await carol.slash(None, "similar", text="ferry")

    answer = await (await carol.slash(None, "similar", text="ferry", force=True)).answer()
    assert sentence in shown(answer)


async def test_b29_a_question_in_a_foreign_server_is_told_where_to_ask(town: Town) -> None:
    """Where the bot is no member there is nothing to find, and the answer says so."""
    room = town.discord.guild("Foreign", owner=town.bob, bot_is_member=False).text("room")

    answer = await (await town.bob.slash(room, "similar", text="ferry", force=True)).answer()
    assert shown(answer) == NOT_HERE


# --- Find similar


async def test_a_stored_message_is_asked_about_by_its_vector(town: Town) -> None:
    """The menu finds what is like a stored message, but not the message itself, and only the asker sees it."""
    message = await town.square.post(town.bob, "my cat sleeps all day")
    await town.square.post(town.bob, "kittens nap from morning to night")
    await town.index()

    answer = await found_like(town, town.ada, message)
    assert answer.is_ephemeral
    assert "kittens" in shown(answer)
    assert message.url not in shown(answer)


async def test_a_message_that_is_not_stored_is_asked_about_by_its_text(town: Town) -> None:
    """The menu works on messages of bots and of channels that are not indexed."""
    await town.square.post(town.bob, "kittens nap from morning to night")
    await town.index()
    message = await town.square.post(town.discord.bot, "my cat sleeps all day")

    assert "kittens" in shown(await found_like(town, town.ada, message))
    await town.stored("kittens nap from morning to night")


async def test_b25_a_forward_is_asked_about_by_what_it_forwards(town: Town) -> None:
    """The menu takes the text of what a message forwards."""
    await town.square.post(town.bob, "kittens nap from morning to night")
    await town.index()
    message = await town.square.post(town.discord.bot, "", snapshots=["my cat sleeps all day"])

    assert "kittens" in shown(await found_like(town, town.ada, message))


@pytest.mark.parametrize("content", ["", "\u200b", "ok"], ids=ascii)
async def test_b2_a_message_without_text_cannot_be_compared(town: Town, content) -> None:
    """The menu on a message that shows no words, or none that say anything, gives a sentence, stored or not."""
    message = await town.square.post(town.bob, content, attachments=["image.png"])

    assert shown(await found_like(town, town.ada, message)) == NO_TEXT
    await town.index()
    assert shown(await found_like(town, town.ada, message)) == NO_TEXT


async def test_b29_the_menu_in_a_direct_message_is_told_where_to_ask(town: Town) -> None:
    """A menu that is used in a direct message gets a sentence."""
    message = await town.discord.direct(town.bob).post(town.bob, "hello")

    answer = await (await town.bob.menu(message.channel, "Find similar", message, force=True)).answer()
    assert shown(answer) == NOT_HERE


# --- what changed unheard

PAGES = "/channels/{channel_id}/messages"
MESSAGE = f"{PAGES}/{{message_id}}"
LEFT_OUT = "Left out: {n} messages that Discord did not confirm just now."
FERRIES = ["the ferry leaves at noon", "the ferry leaves at one", "the ferry leaves at two"]


@asynccontextmanager
async def back_again(tmp_path: Path, happens: Callable[[list[Message]], Awaitable[None]]) -> AsyncIterator[Town]:
    """A bot that is back after something happened unheard, while no page of history reaches it."""
    async with Discord.open() as discord:
        async with running(discord, tmp_path / "data") as bot:
            town = town_on(discord, bot)
            said = town.square.seed(town.bob, FERRIES, start=BEGAN, step=timedelta(minutes=1))
            await town.index()
        await discord.disconnected()
        await happens(said)
        discord.fail("GET", PAGES, delay=60, times=1_000)
        discord.requests.clear()
        async with running(discord, tmp_path / "data") as bot:
            town.bot = bot
            yield town
            discord.faults.clear()


async def test_f14_what_was_deleted_while_the_bot_was_off_is_never_shown(tmp_path: Path) -> None:
    """The very first answer after a start leaves it out, since Discord is asked about each hit; so does the next."""

    async def delete_one(said: list[Message]) -> None:
        await said[1].delete()

    async with back_again(tmp_path, delete_one) as town:
        answer = shown(await town.similar(town.ada, "ferry"))
        assert FERRIES[1] not in answer
        assert FERRIES[0] in answer
        assert FERRIES[2] in answer
        assert len(town.discord.asked("GET", MESSAGE)) == 3
        assert town.bot.texts(town.guild.id) == [FERRIES[0], FERRIES[2]]

        assert shown(await town.similar(town.ada, "ferry")) == answer
        assert len(town.discord.asked("GET", MESSAGE)) == 3


async def test_f14_what_was_rewritten_while_the_bot_was_off_is_not_shown_as_it_was(tmp_path: Path) -> None:
    """The first answer leaves the old text out, and soon the new one is found."""

    async def rewrite_one(said: list[Message]) -> None:
        await said[1].edit("the bridge is closed")

    async with back_again(tmp_path, rewrite_one) as town:
        assert FERRIES[1] not in shown(await town.similar(town.ada, "ferry"))
        await town.settled()
        assert "the bridge is closed" in shown(await town.similar(town.ada, "a bridge"))


async def test_f14_a_message_that_went_unheard_cannot_be_asked_about(tmp_path: Path) -> None:
    """A link to a message that was deleted while the bot was off is answered as if it had never been there."""

    async def delete_one(said: list[Message]) -> None:
        await said[1].delete()

    async with back_again(tmp_path, delete_one) as town:
        gone = next(one for one in town.bot.rows("SELECT message_id, content FROM messages") if one[1] == FERRIES[1])
        assert shown(await town.similar(town.ada, f"{town.square.url}/{gone[0]}")) == NO_MESSAGE


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500}, {"delay": 60}], ids=str)
async def test_f18_what_discord_does_not_confirm_is_left_out_in_words(tmp_path: Path, fault) -> None:
    """While single messages cannot be fetched the answer comes all the same, shows none of them, and says so."""

    async def delete_one(said: list[Message]) -> None:
        await said[1].delete()

    async with back_again(tmp_path, delete_one) as town:
        town.discord.fail("GET", MESSAGE, times=1_000, **fault)
        began = time.monotonic()
        answer = await town.similar(town.ada, "ferry")
        # discord.py alone would try for 25 s; 2 s are meant.
        assert time.monotonic() - began < 15
        assert shown(answer).startswith(LEFT_OUT.format(n=3))
        assert "ferry" not in shown(answer)
        assert len(town.bot.texts(town.guild.id)) == 3


# --- what else can fail


async def test_f20_f25_a_question_that_cannot_be_compared_is_told_why(tmp_path: Path) -> None:
    """Without the embeddings service a text is looked for by its words, and a message has to wait for its turn.

    What has its vector is still asked about. After a change of the model the former one answers; where it cannot be
    had any more, since another server was set, the answer says what goes on.
    """
    async with (
        EmbeddingsServer(vectors_of=meant) as api,
        EmbeddingsServer(vectors_of=meant) as other,
        Discord.open() as discord,
    ):
        settings = {"EMBEDDER": "openai", "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": api.base_url}
        async with running(discord, tmp_path / "data", **settings) as bot:
            town = town_on(discord, bot)
            old, _ = town.square.seed(town.bob, ["my cat sleeps all day", "kittens nap"])
            await town.index()
            api.fails("429_insufficient_quota")
            new = await town.square.post(town.bob, "the bridge is closed")
            await eventually(lambda: "the bridge is closed" in bot.texts(town.guild.id))

            assert shown(await town.similar(town.ada, "cats")) == AWAY
            assert shown(await found_like(town, town.ada, new)) == AWAY
            assert shown(await town.similar(town.ada, new.url)) == NOT_YET
            assert "kittens" in shown(await town.similar(town.newcomer("dave"), "who has kittens?"))
            assert "kittens" in shown(await town.similar(town.ada, old.url))
            assert "kittens" in shown(await found_like(town, town.ada, old))

        api.recovers()
        api.poison = set(bot.texts(town.guild.id))
        settings["EMBEDDING_MODEL"] = "text-embedding-3-small"
        async with running(discord, tmp_path / "data", **settings):
            assert "kittens" in shown(await town.similar(town.newcomer("carol"), "cats"))

        other.poison = set(bot.texts(town.guild.id))
        settings["OPENAI_BASE_URL"] = other.base_url
        async with running(discord, tmp_path / "data", **settings):
            assert shown(await town.similar(town.newcomer("dave"), "cats")) == PREPARING


def town_on(local: Discord, bot: Bot) -> Town:
    """A server on a Discord of one's own."""
    ada, bob = local.person("ada"), local.person("bob")
    guild = local.guild("Town", owner=ada)
    guild.join(bob)
    return Town(local, bot, guild, ada, bob, guild.text("square"))


async def found_like(town: Town, person: Person, message: Message) -> Answer:
    """What a person is answered who points at a message."""
    return await (await person.menu(message.channel, "Find similar", message)).answer()
