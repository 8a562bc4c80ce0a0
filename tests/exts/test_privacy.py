"""/privacy, as every member uses it about themselves."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from live import Bot, eventually, running
from openai_server import KEY, EmbeddingsServer, meant
from standin import Answer, Discord, NotAllowed, Person
from standin.messages import Message
from town import VIEW, Town, shown

from bot.exts.privacy import standing_embed
from bot.services.privacy import Practice, Standing
from bot.texts import content_hash
from bot.words import Words

BUTTONS = {
    "en-US": ["Show my data", "Forget me", "Do not keep me", "Keep me again"],
    "ja": ["自分のデータを見る", "忘れてもらう", "保存しない", "また保存する"],
}
REALLY = {"en-US": ["Yes, forget me", "Back"], "ja": ["はい、忘れてください", "戻る"]}
NOTHING = {
    "en-US": "Nothing that you wrote is kept here.",
    "ja": "ここにはあなたが書いたものは何も保存されていません。",
}
NOT_HERE = "This works in servers that the bot is a member of only: ask there."
LOCALES = pytest.mark.parametrize("locale", ["en-US", "ja"])
IS_OUT = {
    "en-US": "you do not want to be kept here, and nothing that you write is.",
    "ja": "ここでの保存はあなたの希望で止められています。",
}


async def privacy(town: Town, person: Person) -> Answer:
    """What a person is told of what is kept of them."""
    return await (await person.slash(town.square, "privacy")).answer()


async def pressed(person: Person, answer: Answer, button: str) -> Answer:
    """What a person sees after pressing a button."""
    return await (await person.press(answer, button, force=True)).answer()


async def opted_out(town: Town, person: Person) -> Answer:
    return await pressed(person, await privacy(town, person), "privacy:opt_out")


async def forgotten(town: Town, person: Person) -> Answer:
    asked = await pressed(person, await privacy(town, person), "privacy:forget")
    return await pressed(person, asked, "privacy:really_forget")


async def shown_data(town: Town, person: Person) -> dict[str, Any]:
    """What is in the file that a person gets."""
    answer = await pressed(person, await privacy(town, person), "privacy:show")
    [content] = answer.files
    told: dict[str, Any] = json.loads(content)
    return told


def town_on(discord: Discord, bot: Bot) -> Town:
    """A server on a Discord of one's own."""
    ada, bob = discord.person("ada"), discord.person("bob")
    guild = discord.guild("Town", owner=ada)
    guild.join(bob)
    return Town(discord, bot, guild, ada, bob, guild.text("square"))


def n_texts(n: int, locale: str) -> str:
    return f"Messages of yours that are kept here: **{n}**" if locale == "en-US" else f"**{n}** 件保存されています。"


# --- what is told


@LOCALES
async def test_a_member_is_told_what_is_kept_why_where_and_how_long(town: Town, locale) -> None:
    """The answer is theirs alone, in their language, and is about them in this server."""
    carol = town.newcomer("carol", locale=locale)
    town.square.seed(carol, ["the ferry leaves at noon", "the ferry was late"])
    await town.square.post(town.bob, "we bake bread")
    await town.index()

    answer = await privacy(town, carol)
    assert answer.is_ephemeral
    assert answer.content == ""
    told = shown(answer)
    assert n_texts(2, locale) in told
    headlines = {
        "en-US": ["What and why.", "Where it goes.", "How long."],
        "ja": ["何を、なぜ。", "どこへ。", "いつまで。"],
    }
    assert all(headline in told for headline in headlines[locale])
    assert {"en-US": "Nowhere: the model runs on the machine", "ja": "どこへも送られません。"}[locale] in told
    assert {"en-US": "24 hours after the bot was removed", "ja": "サーバーから外されて 24 時間後"}[locale] in told
    assert answer.buttons == BUTTONS[locale][:3]


@LOCALES
async def test_somebody_of_whom_nothing_is_kept_is_told_so(town: Town, locale) -> None:
    """Also where nothing was ever indexed; each button works for them."""
    carol = town.newcomer("carol", locale=locale)
    answer = await privacy(town, carol)
    assert shown(answer).startswith(NOTHING[locale])
    assert answer.buttons == BUTTONS[locale][:3]

    assert (await shown_data(town, carol))["messages"] == []
    for after in (await forgotten(town, carol), await opted_out(town, carol)):
        assert {"en-US": "with all that was made of them: 0.", "ja": "あなたのメッセージ 0 件"}[locale] in after.content
    assert town.bot.rows("SELECT author_id FROM optouts WHERE guild_id = ?", town.guild.id) == [(carol.id,)]


@pytest.mark.parametrize(("language", "told"), [("en", "For 30 days,"), ("ja", "30 日間です。")])
def test_a_limit_of_time_is_told(language, told) -> None:
    """Where messages are kept for some days only, that stands in the place of how long, within what Discord takes."""
    opted_out_at = datetime(2026, 3, 1, tzinfo=UTC)
    practice = Practice("embeddings.example.com", removal_grace_hours=1_000, retention_days=30.0)
    embed = standing_embed(Standing(10**9, opted_out_at), practice, Words(language))

    assert told in (embed.description or "")
    assert len(embed) < 4_096


@pytest.mark.parametrize(("locale", "sent"), [("en-US", "are sent to {}, which"), ("ja", "{} へ送られます")])
async def test_the_service_that_gets_the_texts_is_named(tmp_path: Path, locale, sent) -> None:
    """Where another server stands in for OpenAI it goes by its host."""
    async with EmbeddingsServer(vectors_of=meant) as api, Discord.open() as discord:
        settings = {"EMBEDDER": "openai", "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": api.base_url}
        async with running(discord, tmp_path / "data", **settings) as bot:
            town = town_on(discord, bot)
            assert sent.format("127.0.0.1") in shown(await privacy(town, town.newcomer("carol", locale=locale)))


async def test_b29_in_a_direct_message_or_a_foreign_server_there_is_nothing_to_tell(town: Town) -> None:
    """The command is not shown there, and one that comes from there gets a sentence."""
    with pytest.raises(NotAllowed):
        await town.ada.slash(None, "privacy")

    room = town.discord.guild("Foreign", owner=town.bob, bot_is_member=False).text("room")
    for place in (None, room):
        assert shown(await (await town.bob.slash(place, "privacy", force=True)).answer()) == NOT_HERE


# --- Show my data


@LOCALES
async def test_a_member_is_shown_all_that_is_kept_of_them(town: Town, locale) -> None:
    """A file for them alone: their messages also where they may no longer read, and nothing of others."""
    carol = town.newcomer("carol", locale=locale)
    cabin = town.private("cabin", carol)
    first = await town.square.post(carol, f"{town.bob.mention} leaves at noon")
    second = await cabin.post(carol, "it is cold in here")
    await town.square.post(town.bob, f"ask {carol.mention} about bread")
    await town.index()
    await town.similar(carol, "bread")
    await cabin.overwrite(carol, deny=VIEW)

    answer = await pressed(carol, await privacy(town, carol), BUTTONS[locale][0])
    assert answer.is_ephemeral
    assert (
        answer.content
        == {
            "en-US": "All that is kept of you here. Only you see this.",
            "ja": "ここであなたについて保存されているもののすべてです。あなただけに見えています。",
        }[locale]
    )
    [content] = answer.files
    told = json.loads(content)
    assert (told["guild_id"], told["user_id"]) == (str(town.guild.id), str(carol.id))
    assert (told["name"], told["names_in_messages_of_others"]) == (carol.name, [carol.name])
    assert (told["opted_out_at"], told["forgotten_up_to"]) == (None, None)
    assert len(told["answers_that_can_be_paged"]) == 1
    assert [(one["message_id"], one["channel_id"], one["content"]) for one in told["messages"]] == [
        (str(first.id), str(town.square.id), first.content),
        (str(second.id), str(cabin.id), "it is cold in here"),
    ]
    assert told["messages"][0]["mentioned_names"] == {str(town.bob.id): town.bob.name}
    assert [one["has_vector"] for one in told["messages"]] == [True, True]
    assert "bread" not in content.decode()
    assert "cabin" not in content.decode()


# --- Forget me


@LOCALES
async def test_forget_me_asks_once_more_and_then_erases(town: Town, locale) -> None:
    """Nothing goes by the first press; by the second all goes, it is said how much, and later messages are kept."""
    carol = town.newcomer("carol", locale=locale)
    town.square.seed(carol, ["the ferry leaves at noon", "the ferry was late"])
    await town.square.post(town.bob, f"ask {carol.mention} about bread")
    await town.index()

    asked = await pressed(carol, await privacy(town, carol), BUTTONS[locale][1])
    assert {"en-US": "with all that was made of them: **2**.", "ja": "あなたのメッセージ **2** 件"}[
        locale
    ] in asked.content
    assert asked.buttons == REALLY[locale]
    assert len(town.bot.texts(town.guild.id)) == 3

    done = await pressed(carol, asked, REALLY[locale][0])
    assert done.is_ephemeral
    assert {"en-US": "gone from here, with all that was made of them: 2.", "ja": "あなたのメッセージ 2 件"}[
        locale
    ] in done.content
    assert shown(done).splitlines()[1].startswith(NOTHING[locale])
    assert done.buttons == BUTTONS[locale][:3]
    assert town.bot.texts(town.guild.id) == [f"ask {carol.mention} about bread"]
    names = [("SELECT name FROM authors WHERE guild_id = ?"), ("SELECT names FROM messages WHERE guild_id = ?")]
    assert carol.name not in str([town.bot.rows(sql, town.guild.id) for sql in names])
    await town.square.post(carol, "the ferry is back")
    await town.stored(f"ask {carol.mention} about bread", "the ferry is back")


@LOCALES
async def test_who_goes_back_is_not_forgotten(town: Town, locale) -> None:
    """Back shows how they stand, and all is as it was."""
    carol = town.newcomer("carol", locale=locale)
    await town.square.post(carol, "the ferry leaves at noon")
    await town.index()

    asked = await pressed(carol, await privacy(town, carol), BUTTONS[locale][1])
    back = await pressed(carol, asked, REALLY[locale][1])
    assert n_texts(1, locale) in shown(back)
    assert back.content == ""
    assert back.buttons == BUTTONS[locale][:3]
    assert town.bot.texts(town.guild.id) == ["the ferry leaves at noon"]


async def test_what_was_not_read_before_stays_out(town: Town) -> None:
    """Who is forgotten before the history is read is not in it; their later messages are."""
    town.square.seed(town.bob, ["the ferry leaves at noon"])
    await town.square.post(town.ada, "we bake bread")
    assert "made of them: 0." in (await forgotten(town, town.bob)).content
    await town.square.post(town.bob, "the ferry is back")
    await town.index()

    await town.stored("we bake bread", "the ferry is back")


# --- Do not keep me, Keep me again


@pytest.mark.parametrize("how", ["post", "thread", "of a message"])
async def test_the_titles_of_who_opts_out_are_not_kept(town: Town, how) -> None:
    """Neither those of what they open, nor that of what another opens from a message of theirs."""
    forum, wish = town.guild.forum("help"), "my bike was stolen"
    await town.index()
    await opted_out(town, town.bob)
    if how == "post":
        thread = await forum.post(town.bob, wish, "from the yard last night")
    elif how == "thread":
        thread = await town.square.thread(wish, by=town.bob)
    else:
        thread = await town.square.thread(wish, by=town.ada, message=await town.square.post(town.bob, wish))
    await thread.post(town.ada, "when was that?")
    await eventually(lambda: "when was that?" in town.bot.texts(town.guild.id))
    await town.settled()

    assert town.bot.rows("SELECT name, owner_id FROM channels WHERE channel_id = ?", thread.id) == [("", None)]
    hashes = town.bot.rows("SELECT content_hash FROM embeddings WHERE guild_id = ?", town.guild.id)
    assert hashes == [(content_hash("when was that?"),)]


@LOCALES
async def test_who_opts_out_is_erased_and_not_kept_any_more(town: Town, locale) -> None:
    """Neither what they write nor what they edit, nor their name where others mention them, until they come back."""
    carol = town.newcomer("carol", locale=locale)
    early = await town.square.post(carol, "the ferry leaves at noon")
    await town.index()

    answer = await pressed(carol, await privacy(town, carol), BUTTONS[locale][2])
    assert {"en-US": "gone from here, with all that was made of them: 1.", "ja": "あなたのメッセージ 1 件"}[
        locale
    ] in answer.content
    assert IS_OUT[locale] in shown(answer)
    assert answer.buttons == [*BUTTONS[locale][:2], BUTTONS[locale][3]]
    late = await town.square.post(carol, "the ferry was late")
    await early.edit("the ferry left at one")
    await late.edit("the ferry was very late")
    await town.square.post(town.bob, f"ask {carol.mention}")
    await town.stored(f"ask {carol.mention}")
    assert town.bot.rows("SELECT names FROM messages WHERE guild_id = ?", town.guild.id) == [(f'{{"{carol.id}": ""}}',)]

    answer = await pressed(carol, answer, BUTTONS[locale][3])
    assert (
        answer.content
        == {
            "en-US": "Done. What you write from now on is kept again. What you wrote before stays out.",
            "ja": "完了しました。これから書くものはまた保存されます。以前に書いたものは戻りません。",
        }[locale]
    )
    assert IS_OUT[locale] not in shown(answer)
    assert answer.buttons == BUTTONS[locale][:3]
    await late.edit("the ferry came")
    await town.square.post(carol, "the ferry is back")
    await town.stored(f"ask {carol.mention}", "the ferry is back")


async def test_who_opted_out_is_not_in_a_history_that_is_read(town: Town) -> None:
    """Nor is what they wrote in a gap of the bot's, when they are forgotten or not."""
    await opted_out(town, town.bob)
    town.square.seed(town.bob, ["the ferry leaves at noon", "the ferry was late"])
    await town.square.post(town.ada, "we bake bread")
    await town.index()

    assert town.bot.texts(town.guild.id) == ["we bake bread"]
    assert "made of them: 0." in (await forgotten(town, town.bob)).content
    await town.square.post(town.bob, "the ferry is back")
    await town.square.post(town.ada, "we bake cakes")
    await town.stored("we bake bread", "we bake cakes")


async def test_who_opted_out_can_still_ask(town: Town) -> None:
    """Their questions are answered as everybody's."""
    await opted_out(town, town.bob)
    await town.square.post(town.ada, "the ferry leaves at noon")
    await town.index()

    assert "the ferry leaves at noon" in shown(await town.similar(town.bob, "the ferry leaves at noon"))


# --- for the presser alone, and after a restart


async def test_what_somebody_does_not_want_kept_is_no_question_either(town: Town) -> None:
    """Others who point at it, or at a link to it, are told that there is no such message: its text goes nowhere."""
    message = await town.square.post(town.bob, "the ferry leaves at noon")
    await town.index()
    await opted_out(town, town.bob)
    later = await town.square.post(town.bob, "the ferry leaves at one")

    for one in (message, later):
        asked = [
            await town.ada.menu(town.square, "Find similar", one),
            await town.ada.slash(town.square, "similar", text=one.url),
        ]
        told = [shown(await question.answer()) for question in asked]
        assert told == 2 * ["There is no such message that you may see."]


async def test_a_button_is_about_whoever_presses_it(town: Town) -> None:
    """Under an answer to somebody else it touches nothing of theirs; in another server nothing of this one."""
    for person in (town.ada, town.bob):
        await town.square.post(person, f"{person.name} was here")
    await town.index()
    answer = await privacy(town, town.ada)
    hall = town.discord.guild("Elsewhere", owner=town.ada).text("hall")

    await pressed(town.bob, answer, "privacy:opt_out")
    assert town.bot.texts(town.guild.id) == [f"{town.ada.name} was here"]
    elsewhere = await (await town.ada.slash(hall, "privacy")).answer()
    await pressed(town.ada, elsewhere, "privacy:opt_out")
    assert town.bot.texts(town.guild.id) == [f"{town.ada.name} was here"]
    assert town.bot.rows("SELECT author_id FROM optouts WHERE guild_id = ?", town.guild.id) == [(town.bob.id,)]


async def test_buttons_and_wishes_outlive_a_restart(tmp_path: Path) -> None:
    """What was shown before can be pressed afterwards, and who opted out before stays out."""
    async with Discord.open() as discord:
        async with running(discord, tmp_path / "data") as bot:
            town = town_on(discord, bot)
            said = [await town.square.post(person, "the ferry leaves at noon") for person in (town.ada, town.bob)]
            await town.index()
            answers = {person: await privacy(town, person) for person in (town.ada, town.bob)}
            asked = await pressed(town.ada, answers[town.ada], "Forget me")
            await pressed(town.bob, answers[town.bob], "Do not keep me")
        await discord.disconnected()
        await _rewrite(said)
        await town.square.post(town.bob, "nobody heard this")
        async with running(discord, tmp_path / "data") as bot:
            town.bot = bot
            await eventually(lambda: "the bridge is closed" in bot.texts(town.guild.id))
            assert bot.texts(town.guild.id) == ["the bridge is closed"]
            assert "made of them: 1." in (await pressed(town.ada, asked, "Yes, forget me")).content
            assert bot.texts(town.guild.id) == []
            back = await pressed(town.bob, answers[town.bob], "Keep me again")
            assert back.buttons == BUTTONS["en-US"][:3]
            await town.square.post(town.bob, "the ferry is back")
            await town.stored("the ferry is back")


async def _rewrite(messages: list[Message]) -> None:
    for message in messages:
        await message.edit("the bridge is closed")


async def test_who_opted_out_is_not_kept_when_the_bot_comes_back(tmp_path: Path) -> None:
    """The bot is removed, all that it knew of the server goes, and invited back it does not keep them."""
    async with Discord.open() as discord, running(discord, tmp_path / "data", REMOVAL_GRACE_HOURS="0") as bot:
        town = town_on(discord, bot)
        for person in (town.ada, town.bob):
            await town.square.post(person, f"{person.name} was here")
        await town.index()
        await opted_out(town, town.bob)
        await town.guild.remove_bot()
        await eventually(lambda: not bot.rows("SELECT * FROM servers"))

        await town.guild.add_bot()
        await town.index()
        await town.stored("ada was here")
        await town.square.post(town.bob, "bob is here again")
        await town.square.post(town.ada, "ada is here again")
        await town.stored("ada was here", "ada is here again")
        assert bot.rows("SELECT 1 FROM authors WHERE author_id = ?", town.bob.id) == []
