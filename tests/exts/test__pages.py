"""The buttons under an answer: turning pages, and sharing one."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from live import eventually
from standin import Answer, NoSuchComponent, NotAllowed, Person
from standin.channels import Channel
from standin.faults import Fault
from standin.messages import Message
from town import VIEW, Town, shown

GONE = "The messages of this page are no longer there, or you may no longer read them."
NOTHING = "Nothing was found that is related, among the messages that you may read."
EXPIRED = "This answer is older than 15 minutes: please ask again."
OF_ANOTHER = "This answer was given to somebody else: please ask for yourself."
NOT_SHARED = "Nothing on this page may be read by everyone in this channel, so nothing was shared."
NOTHING_LEFT = "The messages that were shared here are gone, or not everyone here may read them any more."
SEND, SEND_IN_THREADS = 1 << 11, 1 << 38
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def numbers(answer: Answer) -> list[int]:
    """Which of the ferries are shown, in order."""
    words = shown(answer).split()
    return [int(after) for before, after in pairwise(words) if before == "ferry"]


async def ferries(town: Town, n: int, *, author: Person | None = None) -> list[Message]:
    """So many messages, stored, each of which a question about ferries finds."""
    messages = town.square.seed(author or town.bob, [f"ferry {i} leaves" for i in range(n)], start=BEGAN)
    await town.index()
    return messages


async def pressed(person: Person, answer: Answer, button: str) -> Answer:
    """What a person sees after pressing a button."""
    return await (await person.press(answer, button, force=True)).answer()


async def asked(town: Town, person: Person, where: Channel, text: str) -> Answer:
    """What a person is answered in a channel."""
    return await (await person.slash(where, "similar", text=text)).answer()


async def shared(person: Person, answer: Answer) -> Answer:
    """The message that a press of Share puts into the channel, once the bot keeps an eye on it."""
    public = await pressed(person, answer, "Share")
    await eventually(lambda: "Share" not in answer.buttons)
    return public


def old_answer(town: Town, *, button: str, answer_id: int) -> Message:
    """An answer of the bot's from long ago, with one button."""
    message = town.square.compose(town.discord.bot, "an answer")
    message.change(
        {"components": [{"type": 1, "components": [{"type": 2, "style": 2, "custom_id": f"{button}:{answer_id}:0"}]}]}
    )
    town.square.put(message)
    return message


# --- turning


async def test_pages_are_turned_to_and_fro(town: Town) -> None:
    """Next and Previous show the other pages in place, to the asker alone, and no hit twice."""
    await ferries(town, 12)
    answer = await town.similar(town.bob, "ferry", limit=12)
    first = numbers(answer)
    assert answer.buttons == ["Next", "Share"]

    await pressed(town.bob, answer, "Next")
    second = numbers(answer)
    assert answer.buttons == ["Previous", "Next", "Share"]
    assert "**6.**" in shown(answer)
    await pressed(town.bob, answer, "Next")
    third = numbers(answer)
    assert answer.buttons == ["Previous", "Share"]
    assert sorted(first + second + third) == list(range(12))

    await pressed(town.bob, answer, "Previous")
    await pressed(town.bob, answer, "Previous")
    assert numbers(answer) == first
    assert answer.is_ephemeral
    assert town.square.messages[-1].id != answer.message_id


async def test_buttons_are_in_the_language_of_the_asker(town: Town) -> None:
    """A Japanese person turns pages with Japanese buttons."""
    await ferries(town, 6)
    hanako = town.newcomer("hanako", locale="ja")
    answer = await asked(town, hanako, town.square, "ferry")
    assert answer.buttons == ["次へ", "共有"]
    assert answer.embeds[0]["footer"]["text"] == "ほかに 1 件"

    await pressed(hanako, answer, "次へ")
    assert answer.buttons == ["前へ", "共有"]
    assert answer.embeds[0]["footer"]["text"] == "以上です"


async def test_b47_a_button_of_another_person_is_refused(town: Town) -> None:
    """Whoever presses a button under somebody else's answer is told so, and the answer stays as it is."""
    await ferries(town, 6)
    answer = await town.similar(town.bob, "ferry")
    before = shown(answer)
    with pytest.raises(NotAllowed):
        await town.ada.press(answer, "Next")

    for button in ("Next", "Share"):
        refusal = await pressed(town.ada, answer, button)
        assert refusal.is_ephemeral
        assert shown(refusal) == OF_ANOTHER
    assert shown(answer) == before


async def test_b47_a_button_under_an_answer_of_another_server_is_refused(town: Town) -> None:
    """The number of an answer given in one server opens nothing in another one."""
    await ferries(town, 6)
    answer = await town.similar(town.ada, "ferry")
    [answer_id] = town.bot.rows("SELECT answer_id FROM answers WHERE guild_id = ?", town.guild.id)[0]
    hall = town.discord.guild("Elsewhere", owner=town.ada).text("hall")
    message = old_answer(town, button="page", answer_id=answer_id)
    message.channel = hall
    hall.put(message)

    assert shown(await pressed(town.ada, Answer(message, answer.interaction), f"page:{answer_id}:0")) == OF_ANOTHER


@pytest.mark.parametrize("button", ["page", "share"])
async def test_b47_a_button_under_an_answer_that_is_not_kept_is_told(town: Town, button) -> None:
    """After its time an answer cannot be turned or shared any more, and the person is told to ask again."""
    message = old_answer(town, button=button, answer_id=1)

    refusal = await (await town.bob.press(message, f"{button}:1:0")).answer()
    assert refusal.is_ephemeral
    assert shown(refusal) == EXPIRED
    assert message.content == "an answer"


async def test_b47_after_a_permission_was_lost_a_page_shows_nothing_of_it(town: Town) -> None:
    """Hits that the asker may no longer read are on no page any more."""
    attic = town.guild.text("attic")
    for n in range(12):
        await attic.post(town.ada, f"ferry {n} leaves")
    await town.index()
    answer = await town.similar(town.bob, "ferry", limit=12)
    assert len(numbers(answer)) == 5

    await attic.overwrite(town.bob, deny=VIEW)
    await pressed(town.bob, answer, "Next")
    assert shown(answer) == GONE
    assert answer.buttons == ["Previous"]
    await pressed(town.bob, answer, "Previous")
    assert shown(answer) == NOTHING
    assert answer.buttons == []


async def test_b47_what_was_deleted_is_on_no_page(town: Town) -> None:
    """A hit that was deleted after the question is left out, and its place stays empty."""
    messages = await ferries(town, 7)
    answer = await town.similar(town.bob, "ferry")
    left, kept = await second_page(town, answer)

    await messages[left].delete()
    await town.stored(*(f"ferry {n} leaves" for n in range(7) if n != left))
    await pressed(town.bob, answer, "Previous")
    await pressed(town.bob, answer, "Next")
    assert numbers(answer) == [kept]


async def second_page(town: Town, answer: Answer) -> list[int]:
    """What stands on the second page, at which the answer is left."""
    await pressed(town.bob, answer, "Next")
    return numbers(answer)


async def test_b47_what_was_rewritten_is_on_no_page(town: Town) -> None:
    """A hit whose text was changed after the question is left out, with the old text and the new one."""
    messages = await ferries(town, 6)
    answer = await town.similar(town.bob, "ferry")
    [other] = await second_page(town, answer)
    await pressed(town.bob, answer, "Previous")

    await messages[other].edit("something else altogether")
    await eventually(lambda: "something else altogether" in town.bot.texts(town.guild.id))
    await pressed(town.bob, answer, "Next")
    assert shown(answer) == GONE


async def test_a_button_pressed_twice_does_its_work_once(town: Town) -> None:
    """Two presses of Next at once lead to the second page, not to the third, and both are answered."""
    await ferries(town, 12)
    answer = await town.similar(town.bob, "ferry", limit=12)

    presses = [await town.bob.press(answer, "Next") for _ in range(2)]
    await asyncio.gather(*(press.answer() for press in presses))
    assert "**6.**" in shown(answer)
    assert answer.buttons == ["Previous", "Next", "Share"]


async def test_b9_nobody_is_mentioned_by_an_answer(town: Town) -> None:
    """Mentions in what is quoted and in names are shown as they were written, and none acts."""
    mallory = town.discord.person("mallory", global_name="@everyone")
    town.guild.join(mallory)
    await town.square.post(mallory, f"@everyone @here {town.ada.mention} <@&{town.guild.id}> the ferry")
    await town.index()

    answer = await town.similar(town.bob, "the ferry")
    text = shown(answer)
    assert answer.content == ""
    assert text.count(r"\@everyone") == 2
    assert rf"\<\@{town.ada.id}\>" in text
    assert "@" not in text.replace(r"\@", "")
    public = await shared(town.bob, answer)
    assert "@" not in public.embeds[0]["description"].replace(r"\@", "")


# --- sharing


async def test_a_page_is_shared_with_everyone_in_the_channel(town: Town) -> None:
    """Share shows the page's hits to all, named for who shared it, and cannot be pressed a second time."""
    await ferries(town, 7)
    answer = await town.similar(town.bob, "ferry")
    first = numbers(answer)

    public = await shared(town.bob, answer)
    assert not public.is_ephemeral
    assert public.message in town.square.messages
    assert numbers(public) == first
    assert public.content == f"Shared by {town.bob.mention}: what everyone who can read this channel may read"
    assert public.buttons == []
    assert answer.buttons == ["Next"]
    assert numbers(answer) == first
    with pytest.raises(NoSuchComponent):
        await town.bob.press(answer, "Share")


async def test_only_the_page_that_is_seen_is_shared(town: Town) -> None:
    """Share on the second page shows the second page."""
    await ferries(town, 7)
    answer = await town.similar(town.bob, "ferry")
    second = await second_page(town, answer)

    assert numbers(await shared(town.bob, answer)) == second
    assert answer.buttons == ["Previous"]


async def test_what_is_shared_is_in_the_language_of_the_server(town: Town) -> None:
    """What everyone reads is not in the language of the one who shares."""
    await ferries(town, 1)
    town.guild.locale = "ja"

    public = await shared(town.bob, await town.similar(town.bob, "ferry"))
    assert public.content == f"{town.bob.mention} さんが共有しました(このチャンネルを読める全員が読めるもの)"
    assert public.embeds[0]["title"] == "似たメッセージ"


@pytest.mark.parametrize("in_thread", [False, True])
async def test_who_may_not_write_may_not_share(town: Town, in_thread) -> None:
    """Where a person may not write, Share is refused with a sentence, in channels and in threads."""
    await ferries(town, 1)
    where = await town.square.thread("aside", by=town.bob) if in_thread else town.square
    answer = await asked(town, town.bob, where, "ferry")
    n_messages = len(where.messages)

    await town.square.overwrite(town.bob, deny=SEND_IN_THREADS if in_thread else SEND)
    refusal = await pressed(town.bob, answer, "Share")
    assert refusal.is_ephemeral
    assert shown(refusal) == "You may not write in this channel, so nothing can be shared here."
    assert len(where.messages) == n_messages


async def test_in_a_locked_thread_only_moderators_share(town: Town) -> None:
    """Where a thread is locked, nothing is shared but by those who may write there all the same."""
    await ferries(town, 1)
    thread = await town.square.thread("aside", by=town.bob)
    warden = town.newcomer("warden", roles=[town.guild.role("wardens", permissions=1 << 34)])
    await thread.lock()

    refusal = await pressed(town.bob, await asked(town, town.bob, thread, "ferry"), "Share")
    assert shown(refusal) == "You may not write in this channel, so nothing can be shared here."
    assert "ferry" in shown(await pressed(warden, await asked(town, warden, thread, "ferry"), "Share"))


async def test_what_the_sharer_may_no_longer_read_is_not_shared(town: Town) -> None:
    """Between the answer and the press a channel was closed to the sharer: nothing of it is shown to others."""
    attic = town.guild.text("attic")
    await attic.post(town.ada, "ferry 1 leaves")
    await town.index()
    answer = await town.similar(town.bob, "ferry")

    await attic.overwrite(town.bob, deny=VIEW)
    assert shown(await pressed(town.bob, answer, "Share")) == NOT_SHARED


async def test_what_was_deleted_is_not_shared(town: Town) -> None:
    """A page of nothing but deleted messages shares nothing."""
    [message] = await ferries(town, 1)
    answer = await town.similar(town.bob, "ferry")

    await message.delete()
    await town.stored()
    assert shown(await pressed(town.bob, answer, "Share")) == NOT_SHARED
    assert town.square.messages[-1].interaction.user is town.ada


@pytest.mark.parametrize("how", ["deleted", "rewritten"])
async def test_a_shared_message_loses_what_is_gone(town: Town, how) -> None:
    """When a source is deleted or rewritten, what was shared no longer shows it, and in the end says so."""
    messages = await ferries(town, 2)
    public = await shared(town.bob, await town.similar(town.bob, "ferry"))
    assert sorted(numbers(public)) == [0, 1]

    for n, left in ((0, [1]), (1, [])):
        await (messages[n].delete() if how == "deleted" else messages[n].edit("something else"))
        await eventually(lambda left=left: numbers(public) == left)
    assert shown(public).endswith(NOTHING_LEFT)
    assert town.bob.mention in public.content


async def test_a_shared_message_loses_what_stood_in_a_deleted_channel(town: Town) -> None:
    """When the channel of a source is deleted, what was shared no longer shows it."""
    attic = town.guild.text("attic")
    await attic.post(town.bob, "ferry 1 leaves")
    await town.square.post(town.bob, "ferry 2 leaves")
    await town.index()
    public = await shared(town.bob, await town.similar(town.bob, "ferry"))

    await attic.delete()
    await eventually(lambda: numbers(public) == [2])
    assert "ferry 2 leaves" in shown(public)
    assert str(attic.id) not in shown(public)


async def test_a_shared_message_loses_what_others_may_no_longer_read_once_it_is_redrawn(town: Town) -> None:
    """When a source goes, the others are looked at anew: what not all may read any more goes with it."""
    attic = town.guild.text("attic")
    await attic.post(town.bob, "ferry 1 leaves")
    gone = await town.square.post(town.bob, "ferry 2 leaves")
    await town.square.post(town.bob, "ferry 3 leaves")
    await town.index()
    public = await shared(town.bob, await town.similar(town.bob, "ferry"))

    await attic.overwrite(town.bob, deny=VIEW)
    await gone.delete()
    await eventually(lambda: numbers(public) == [3])
    assert "ferry 3 leaves" in shown(public)
    assert str(attic.id) not in shown(public)


@pytest.mark.parametrize("change", ["overwrite", "role", "age", "here"])
async def test_a_shared_message_loses_what_not_all_may_read_any_more(town: Town, change) -> None:
    """When a source's channel closes to somebody there, or more people come to see the share, it is taken out."""
    attic, den = town.guild.text("attic"), town.private("den", town.bob)
    source = den if change == "here" else attic
    await source.post(town.bob, "ferry 1 leaves")
    await town.square.post(town.bob, "ferry 2 leaves")
    await town.index()
    where = den if change == "here" else town.square
    public = await shared(town.bob, await asked(town, town.bob, where, "ferry"))
    assert sorted(numbers(public)) == [1, 2]

    if change == "overwrite":
        await attic.overwrite(town.newcomer("carol"), deny=VIEW)
    elif change == "role":
        await attic.overwrite(town.guild.everyone, deny=VIEW)
    elif change == "age":
        attic.nsfw = True
        await attic.announce()
    else:
        await den.overwrite(town.newcomer("carol"), allow=VIEW, deny=1 << 16)
    await eventually(lambda: numbers(public) == [2])


async def test_what_cannot_be_put_down_is_not_shared(town: Town) -> None:
    """When the database takes nothing, what was sent goes again, since nothing could be taken out of it later."""
    await ferries(town, 1)
    answer = await town.similar(town.bob, "ferry")
    town.discord.faults.add(Fault("POST", "/webhooks/{webhook_id}/{webhook_token}", hold=1))
    public = await pressed(town.bob, answer, "Share")
    with closing(sqlite3.connect(town.bot.folder / "bot.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert town.square.find(public.message_id) is not None
        await eventually(lambda: town.square.find(public.message_id) is None, within=30)

    assert "Share" in answer.refresh().buttons
    assert town.bot.rows("SELECT message_id FROM shares WHERE guild_id = ?", town.guild.id) == []


async def test_a_deleted_shared_message_is_forgotten(town: Town) -> None:
    """When somebody deletes what was shared, the database no longer knows of it, and nothing is edited."""
    [message] = await ferries(town, 1)
    public = await shared(town.bob, await town.similar(town.bob, "ferry"))
    kept = "SELECT message_id FROM shares WHERE guild_id = ?"
    assert town.bot.rows(kept, town.guild.id) == [(public.message_id,)]

    await public.message.delete()
    await eventually(lambda: not town.bot.rows(kept, town.guild.id))
    await message.delete()
    await town.stored()


async def test_b48_who_presses_too_fast_is_refused(town: Town) -> None:
    """Who presses without end is told to wait, alone, and nothing is shared meanwhile."""
    for n in range(8):
        await town.square.post(town.bob, f"the ferry leaves at {n}")
    await town.index()
    answer = await town.similar(town.bob, "ferry")
    n_before = len(town.square.messages)
    for _ in range(60):
        await town.bob.press(answer, "Next")

    refused = await (await town.bob.press(answer, "Share")).answer(30)
    assert shown(refused).startswith("That was fast")
    assert refused.is_ephemeral
    assert len(town.square.messages) == n_before


# --- what says the same


async def test_what_was_said_again_and_again_is_one_hit(town: Town) -> None:
    """With how often and since when, a way to the first one, and a button that lists all, to the asker alone."""
    vault = town.private("vault")
    hidden = vault.seed(town.ada, ["the ferry leaves at noon"], start=BEGAN)
    said = town.square.seed(town.bob, ["the ferry leaves at noon"] * 4, start=BEGAN)
    await town.index()
    answer = await town.similar(town.bob, "when does the ferry leave?")

    assert "said 4 times since" in shown(answer)
    assert f"[first here]({said[0].url})" in shown(answer)
    assert answer.buttons == ["Share", "1: all 4"]
    listed = await pressed(town.bob, answer, "1: all 4")
    assert listed.is_ephemeral
    assert [shown(listed).count(f"[Jump]({one.url})") for one in [*said, *hidden]] == [1, 1, 1, 1, 0]

    await said[0].delete()
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM messages WHERE message_id = ?", said[0].id))
    again = await pressed(town.bob, answer, "1: all 4")
    assert said[0].url not in shown(again)
    assert said[1].url in shown(again)


async def test_copies_of_an_old_answer_cannot_be_opened(town: Town) -> None:
    """The button of an answer that is no longer kept gets a sentence."""
    old = old_answer(town, button="copies", answer_id=77)

    assert shown(await (await town.bob.press(old, "copies:77:0")).answer()) == EXPIRED


async def test_b47_a_share_tells_nothing_of_what_was_said_elsewhere(town: Town) -> None:
    """What says the same where not everyone reads is neither counted nor linked to; the asker's buttons stay."""
    vault = town.private("vault", town.bob)
    hidden = vault.seed(town.bob, ["the ferry leaves at noon"] * 2, start=BEGAN)
    town.square.seed(town.bob, ["the ferry leaves at noon"], start=BEGAN + timedelta(days=1))
    await town.index()
    answer = await town.similar(town.bob, "when does the ferry leave?")
    assert "said 3 times" in shown(answer)
    public = await shared(town.bob, answer)

    assert "the ferry leaves at noon" in shown(public)
    assert "said" not in shown(public)
    assert not any(str(one.id) in shown(public) for one in hidden)
    assert answer.buttons == ["1: all 3"]
