"""Who is shown what: the asker alone, and everyone in a channel."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import discord
import pytest
from standin import Answer, Person
from standin.channels import Channel
from standin.threads import Thread
from town import CONNECT, HISTORY, VIEW, Town, shown

NOTHING = "Nothing was found that is related, among the messages that you may read."
GONE = "The messages of this page are no longer there, or you may no longer read them."
NO_MESSAGE = "There is no such message that you may see."
NO_WRITING = "You may not write in this channel, so nothing can be shared here."
NOT_SHARED = "Nothing on this page may be read by everyone in this channel, so nothing was shared."
MANAGE_THREADS = discord.Permissions(manage_threads=True)
ADMINISTRATOR = discord.Permissions(administrator=True)
MEMBER = "/channels/{channel_id}/thread-members/{user_id}"


async def asked(person: Person, where: Channel, text: str, **options: object) -> Answer:
    """What a person is answered in a channel."""
    return await (await person.slash(where, "similar", text=text, **options)).answer()


async def finds(town: Town, person: Person, text: str) -> bool:
    """Whether a person who asks in the square is shown a text."""
    answer = shown(await town.similar(person, text))
    assert text in answer or answer == NOTHING
    return text in answer


async def lookups(town: Town, person: Person) -> int:
    """How many memberships of threads one question has the bot look up."""
    before = len(town.discord.requests)
    await town.similar(person, "ferry", limit=50)
    return [request.route for request in town.discord.requests[before:]].count(MEMBER)


# --- the asker


@pytest.mark.parametrize("denied", [VIEW, HISTORY], ids=["view", "history"])
@pytest.mark.parametrize("kind", ["text", "voice", "thread", "post", "archived"])
async def test_what_stands_in_a_closed_channel_is_found_by_those_who_may_read_it(town: Town, denied, kind) -> None:
    """Channels, voice chats, threads and posts are shown to who may see them and their history, and to nobody else."""
    carol = town.newcomer("carol")
    await town.include("voice")
    attic = {"voice": town.guild.voice, "post": town.guild.forum}.get(kind, town.guild.text)("attic")
    await attic.overwrite(town.bob, deny=denied)
    if kind == "post":
        await attic.post(carol, "Ferry", "the ferry leaves at noon")
    elif kind in ("text", "voice"):
        await attic.post(carol, "the ferry leaves at noon")
    else:
        thread = await attic.thread("boats", by=carol)
        await thread.post(carol, "the ferry leaves at noon")
        await (thread.archive() if kind == "archived" else thread.rename("ships"))
    await town.index()

    assert not await finds(town, town.bob, "the ferry leaves at noon")
    assert await finds(town, carol, "the ferry leaves at noon")
    assert await finds(town, town.ada, "the ferry leaves at noon")

    await attic.overwrite(town.bob)
    await attic.overwrite(carol, deny=denied)
    assert await finds(town, town.bob, "the ferry leaves at noon")
    assert not await finds(town, carol, "the ferry leaves at noon")


async def test_a_voice_chat_is_for_those_who_may_connect(town: Town) -> None:
    """What is written in a voice channel is shown only to who may enter it."""
    tower = town.guild.voice("tower", overwrites={town.bob: (0, CONNECT)})
    await tower.post(town.ada, "the ferry leaves at noon")
    await town.include("voice")
    await town.index()

    assert not await finds(town, town.bob, "the ferry leaves at noon")
    await tower.overwrite(town.bob)
    assert await finds(town, town.bob, "the ferry leaves at noon")


async def test_a_role_opens_channels_for_as_long_as_one_has_it(town: Town) -> None:
    """What a role lets somebody read is found from the moment they have it until they lose it."""
    crew = town.guild.role("crew")
    bridge = town.private("bridge")
    await bridge.overwrite(crew, allow=VIEW)
    await bridge.post(town.ada, "the ferry leaves at noon")
    await town.index()

    assert not await finds(town, town.bob, "the ferry leaves at noon")
    await town.guild.give(town.bob, crew)
    assert await finds(town, town.bob, "the ferry leaves at noon")
    await town.guild.take(town.bob, crew)
    assert not await finds(town, town.bob, "the ferry leaves at noon")


async def test_owners_and_administrators_find_everything(town: Town) -> None:
    """Who may read every channel finds what stands in every channel that the bot may read."""
    await town.private("bridge").post(town.ada, "the ferry leaves at noon")
    await town.index()
    captain = town.newcomer("captain", roles=[town.guild.role("captains", permissions=ADMINISTRATOR)])

    assert await finds(town, town.ada, "the ferry leaves at noon")
    assert await finds(town, captain, "the ferry leaves at noon")
    assert not await finds(town, town.bob, "the ferry leaves at noon")


async def test_a_silenced_member_finds_what_they_may_still_read(town: Town) -> None:
    """A time-out takes the right to write and not the right to read."""
    await town.square.post(town.ada, "the ferry leaves at noon")
    await town.index()
    await town.guild.time_out(town.bob, datetime.now(UTC) + timedelta(hours=1))

    answer = await (await town.bob.slash(town.square, "similar", text="ferry", force=True)).answer()
    assert "the ferry leaves at noon" in shown(answer)
    refusal = await (await town.bob.press(answer, "Share")).answer()
    assert shown(refusal) == NO_WRITING


async def test_who_may_read_nothing_finds_nothing(town: Town) -> None:
    """An asker without any readable channel is shown nothing, and not everything."""
    await town.square.post(town.ada, "the ferry leaves at noon")
    await town.index()
    await town.square.overwrite(town.bob, deny=HISTORY)

    answer = await town.similar(town.bob, "ferry")
    assert shown(answer) == NOTHING
    assert shown(await town.similar(town.bob, "ferry", channel=town.square)) == NOTHING
    assert answer.buttons == []


async def test_nearer_hits_that_are_hidden_push_nothing_out(town: Town) -> None:
    """However many hidden messages are nearer, the one that the asker may read is found, and no more is told."""
    cellar = town.private("cellar")
    for n in range(60):
        await cellar.post(town.ada, f"the ferry leaves at noon {n}")
    await town.square.post(town.ada, "bread is baked on Sundays")
    await town.index()

    answer = await town.similar(town.bob, "the ferry leaves at noon", limit=1)
    assert "bread" in shown(answer)
    assert "ferry" not in shown(answer)
    assert answer.embeds[0]["footer"]["text"] == "No more"


async def test_b11_a_hidden_channel_named_in_a_hit_keeps_its_name(town: Town) -> None:
    """The mention of a hidden channel in a quote stays the characters that were written."""
    cellar = town.private("cellar-of-secrets")
    await town.square.post(town.ada, f"the ferry is discussed in {cellar.mention}")
    await town.index()

    text = shown(await town.similar(town.bob, "the ferry"))
    assert rf"\<\#{cellar.id}\>" in text
    assert "cellar-of-secrets" not in text


async def test_a_channel_that_is_moved_into_a_locked_category_closes(town: Town) -> None:
    """A channel that takes over the permissions of a locked category is closed at once."""
    harbour = town.guild.text("harbour")
    await harbour.post(town.ada, "the ferry leaves at noon")
    await town.index()
    assert await finds(town, town.bob, "the ferry leaves at noon")

    locked = town.guild.category("locked", overwrites={town.bob: (0, VIEW)})
    harbour.parent, harbour.overwrites = locked, dict(locked.overwrites)
    await harbour.announce()
    assert not await finds(town, town.bob, "the ferry leaves at noon")


async def test_a_role_that_was_lost_counts_from_the_next_button_on(town: Town) -> None:
    """Between the search and a button the asker lost a role: the next page shows nothing that it had opened."""
    crew = town.guild.role("crew")
    bridge = town.private("bridge")
    await bridge.overwrite(crew, allow=VIEW)
    await town.guild.give(town.bob, crew)
    bridge.seed(town.ada, [f"the ferry leaves at {n}" for n in range(8)])
    await town.index()
    answer = await town.similar(town.bob, "ferry")
    assert "the ferry" in shown(answer)

    await town.guild.take(town.bob, crew)
    assert shown(await (await town.bob.press(answer, "Next")).answer()) == GONE
    assert shown(await (await town.bob.press(answer, "Previous")).answer()) == NOTHING


async def test_what_is_written_while_the_history_is_read_obeys_the_permissions_of_the_question(town: Town) -> None:
    """A channel that closes while its history is being read closes for all of it, also for what is stored later."""
    attic = town.guild.text("attic")
    attic.seed(town.ada, [f"the ferry leaves at {n}" for n in range(250)])
    await (await town.ada.slash(town.square, "index start")).answer()
    await attic.overwrite(town.bob, deny=VIEW)
    await attic.post(town.ada, "the ferry leaves tomorrow")

    assert shown(await town.similar(town.bob, "the ferry")) == NOTHING
    await town.stored(*(f"the ferry leaves at {n}" for n in range(250)), "the ferry leaves tomorrow")
    await town.settled()
    assert shown(await town.similar(town.bob, "the ferry")) == NOTHING
    assert "the ferry" in shown(await town.similar(town.ada, "the ferry"))


async def test_a_locked_thread_is_still_read(town: Town) -> None:
    """That nobody writes in a thread or a post any more changes nothing of who finds it."""
    post = await town.guild.forum("help").post(town.ada, "Ferry", "the ferry leaves at noon")
    await town.index()
    await post.lock()
    assert await finds(town, town.bob, "the ferry leaves at noon")
    await post.archive()
    assert await finds(town, town.bob, "the ferry leaves at noon")


async def test_a_voice_chat_is_closed_during_a_time_out(town: Town) -> None:
    """Who is timed out may not connect, and so reads no voice chat, but channels as before."""
    await town.guild.voice("tower").post(town.ada, "the ferry leaves at noon")
    await town.square.post(town.ada, "the ferry is red")
    await town.index()
    await town.guild.time_out(town.bob, datetime.now(UTC) + timedelta(hours=1))

    answer = shown(await (await town.bob.slash(town.square, "similar", text="the ferry", force=True)).answer())
    assert "red" in answer
    assert "noon" not in answer


# --- age-restricted channels


async def test_age_restricted_channels_are_quoted_in_such_alone(town: Town) -> None:
    """Who asks where no age is asked for is shown nothing of where it is; in such a channel and its threads it is."""
    night, bar = town.guild.text("night", nsfw=True), town.guild.text("bar", nsfw=True)
    message = await night.post(town.ada, "the ferry has a bar")
    thread, aside = await night.thread("late", by=town.ada), await town.square.thread("aside", by=town.ada)
    await thread.post(town.ada, "the ferry has a casino")
    await town.include("age_restricted")
    await town.index()

    for place in (town.square, aside):
        assert shown(await asked(town.ada, place, "the ferry")) == NOTHING
    assert shown(await asked(town.bob, town.square, message.url)) == NO_MESSAGE
    for place, who in ((night, town.bob), (bar, town.ada), (thread, town.ada)):
        answer = shown(await asked(who, place, "the ferry"))
        assert "bar" in answer
        assert "casino" in answer


async def test_a_channel_that_becomes_age_restricted_leaves_the_answers(town: Town) -> None:
    """Between two pages a channel asks for an age: nothing of it is shown on the next."""
    harbour = town.guild.text("harbour")
    harbour.seed(town.ada, [f"the ferry leaves at {n}" for n in range(8)])
    await town.index()
    answer = await town.similar(town.bob, "the ferry")

    harbour.nsfw = True
    await harbour.announce()
    assert shown(await (await town.bob.press(answer, "Next")).answer()) == GONE


# --- private threads


async def private_threads(town: Town, texts: Iterable[str], *, by: Person) -> list[Thread]:
    """Private threads of the square that are indexed, each with a text."""
    threads = []
    for text in texts:
        thread = await town.square.thread("between us", by=by, private=True)
        await thread.add(town.discord.bot)
        await (await town.ada.slash(town.square, "index start", channel=thread)).answer()
        await thread.post(by, text)
        threads.append(thread)
    await town.stored(*texts)
    await town.settled()
    return threads


async def test_a_private_thread_is_indexed_only_when_it_is_named(town: Town) -> None:
    """Neither the server nor the channel covers a private thread; its own name does, with its past."""
    thread = await town.square.thread("between us", by=town.bob, private=True)
    await thread.add(town.discord.bot)
    await thread.post(town.bob, "the first secret")
    await town.index()
    await (await town.ada.slash(town.square, "index start", channel=town.square)).answer()
    await thread.post(town.bob, "the second secret")
    await town.square.post(town.bob, "in the open")
    await town.stored("in the open")
    await town.settled()
    assert "secret" not in shown(await town.similar(town.bob, "secret"))

    await (await town.ada.slash(town.square, "index start", channel=thread)).answer()
    await town.stored("in the open", "the first secret", "the second secret")
    await town.settled()
    assert "the first secret" in shown(await town.similar(town.bob, "the first secret"))


async def test_a_private_thread_is_for_its_members_and_moderators(town: Town) -> None:
    """What stands in a private thread is found by those in it and by those who manage threads."""
    [thread] = await private_threads(town, ["the ferry leaves at noon"], by=town.bob)
    carol, dave = town.newcomer("carol"), town.newcomer("dave")
    warden = town.newcomer("warden", roles=[town.guild.role("wardens", permissions=MANAGE_THREADS)])
    await thread.add(dave)

    assert await finds(town, town.bob, "the ferry leaves at noon")
    assert await finds(town, dave, "the ferry leaves at noon")
    assert await finds(town, warden, "the ferry leaves at noon")
    assert await finds(town, town.ada, "the ferry leaves at noon")
    assert not await finds(town, carol, "the ferry leaves at noon")


async def test_a_member_of_a_private_thread_who_lost_its_channel_finds_nothing_of_it(town: Town) -> None:
    """Being in a private thread is not enough where its channel is closed."""
    await private_threads(town, ["the ferry leaves at noon"], by=town.bob)
    other = town.guild.text("other")
    await town.square.overwrite(town.bob, deny=VIEW)

    assert shown(await asked(town.bob, other, "ferry")) == NOTHING


async def test_a_question_looks_up_ten_memberships_at_most(town: Town) -> None:
    """Of twelve private threads a question asks about the ten newest, the next about the rest; once more if shown."""
    texts = [f"ferry {n} leaves" for n in range(12)]
    await private_threads(town, texts, by=town.bob)

    first = shown(await town.similar(town.bob, "ferry", limit=5))
    assert "ferry 0 " not in first
    assert "ferry 1 " not in first
    n_shown = 5
    assert await lookups(town, town.bob) == 2 + n_shown
    assert await lookups(town, town.bob) == n_shown
    assert await lookups(town, town.newcomer("carol")) == 10


async def test_a_membership_that_discord_does_not_tell_counts_as_none(town: Town) -> None:
    """When Discord refuses to tell who is in a private thread, nothing of it is shown."""
    [thread] = await private_threads(town, ["the ferry leaves at noon"], by=town.bob)
    town.discord.fail("GET", MEMBER, status=403, channel=thread)

    assert not await finds(town, town.bob, "the ferry leaves at noon")


async def test_who_was_taken_out_of_a_private_thread_is_shown_nothing_more_of_it(town: Town) -> None:
    """Discord does not tell the bot of it, so it asks anew before each answer, page, list of copies and share."""
    texts = ["the ferry leaves at noon", "the ferry leaves at noon", *(f"the ferry leaves at {n}" for n in range(5))]
    [thread] = await private_threads(town, texts[:1], by=town.ada)
    await thread.add(town.bob)
    for text in texts[1:]:
        await thread.post(town.ada, text)
    await town.stored(*texts)
    await town.settled()
    answers = [await asked(town.bob, thread, "when does the ferry leave?") for _ in range(3)]
    assert all("noon" in shown(answer) for answer in answers)
    [copies] = [label for label in answers[0].buttons if "all 2" in label]

    await thread.remove(town.bob)
    presses = [
        await town.bob.press(one, label, force=True)
        for one, label in zip(answers, ("Next", copies, "Share"), strict=True)
    ]
    told = [shown(await press.answer()) for press in presses]
    assert told == [GONE, GONE, NO_WRITING]
    assert shown(await asked(town.bob, town.square, "when does the ferry leave?")) == NOTHING


async def test_an_archived_private_thread_is_still_for_its_members(town: Town) -> None:
    """Archiving a private thread changes nothing of who finds it."""
    [thread] = await private_threads(town, ["the ferry leaves at noon"], by=town.bob)
    await thread.archive()

    assert await finds(town, town.bob, "the ferry leaves at noon")
    assert not await finds(town, town.newcomer("carol"), "the ferry leaves at noon")


# --- everyone in a channel


async def shared_from(town: Town, source: Channel, here: Channel, *, person: Person | None = None) -> str:
    """What stands in a channel after somebody shared there what they found of another one."""
    await town.index()
    person = person or town.bob
    answer = await asked(person, here, "ferry", channel=source)
    assert "ferry" in shown(answer)
    return shown(await (await person.press(answer, "Share")).answer())


async def test_hits_of_an_open_channel_are_shared_anywhere(town: Town) -> None:
    """What everyone in the server may read may be shared in a private channel too."""
    await town.square.post(town.ada, "the ferry leaves at noon")

    assert "ferry" in await shared_from(town, town.square, town.private("den", town.bob))


@pytest.mark.parametrize("denied", [VIEW, HISTORY], ids=["view", "history"])
async def test_hits_of_a_channel_that_somebody_is_shut_out_of_are_not_shared(town: Town, denied) -> None:
    """A channel that a single member or role may not read is not shown to everyone."""
    attic = town.guild.text("attic", overwrites={town.guild.role("guests"): (0, denied)})
    await attic.post(town.ada, "the ferry leaves at noon")

    assert await shared_from(town, attic, town.square) == NOT_SHARED


async def test_hits_of_a_private_channel_are_shared_there_and_among_the_same_people(town: Town) -> None:
    """A private channel's hits are shared in itself and where exactly the same people may read, and nowhere else."""
    den, study = town.private("den", town.bob), town.private("study", town.bob)
    other = town.private("other", town.bob, town.newcomer("carol"))
    await den.post(town.ada, "the ferry leaves at noon")

    assert "ferry" in await shared_from(town, den, den)
    assert "ferry" in await shared_from(town, den, study)
    assert await shared_from(town, den, other) == NOT_SHARED
    assert await shared_from(town, den, town.square, person=town.ada) == NOT_SHARED


async def test_nothing_closed_is_shared_where_somebody_sees_messages_without_their_history(town: Town) -> None:
    """Who sees new messages but may not read older ones is not shown older ones by a share."""
    den = town.private("den", town.bob, town.discord.bot)
    await den.post(town.ada, "the ferry leaves at noon")
    await den.overwrite(town.newcomer("carol"), allow=VIEW, deny=HISTORY)

    assert await shared_from(town, den, den) == NOT_SHARED


async def test_where_only_roles_open_the_history_it_counts_who_they_let_in(town: Town) -> None:
    """In a server whose members read no history unless a role says so, a channel of such a role may be shared in."""
    crew = town.guild.role("crew", permissions=HISTORY)
    for person in (town.bob, town.discord.bot):
        await town.guild.give(person, crew)
    await town.guild.everyone.edit(permissions=town.guild.everyone.permissions & ~HISTORY.value)
    both = discord.Permissions(view_channel=True, read_message_history=True)
    den = town.guild.text("den", overwrites={town.guild.everyone: (0, VIEW), crew: (both, 0)})
    hall = town.guild.text("hall", overwrites={town.guild.everyone: (0, VIEW), crew: (VIEW, 0)})
    await den.post(town.ada, "the ferry leaves at noon")

    assert "ferry" in await shared_from(town, den, den)
    assert await shared_from(town, den, hall) == NOT_SHARED


async def test_only_what_all_may_read_of_a_page_is_shared(town: Town) -> None:
    """Of a page with hits of open and of private channels, the private ones are left out."""
    await town.private("den", town.bob).post(town.ada, "the ferry is secret")
    await town.square.post(town.ada, "the ferry leaves at noon")
    await town.index()

    answer = await town.similar(town.bob, "ferry")
    assert "secret" in shown(answer)
    public = shown(await (await town.bob.press(answer, "Share")).answer())
    assert "noon" in public
    assert "secret" not in public


async def test_hits_of_public_threads_are_as_open_as_their_channel(town: Town) -> None:
    """What stands in a public thread or a post is shared where its channel's messages are, also in a thread."""
    forum, den = town.guild.forum("help"), town.private("den", town.bob)
    post = await forum.post(town.ada, "Ferry", "the ferry leaves at noon")
    inner = await den.thread("boats", by=town.bob)
    await inner.post(town.bob, "the ferry is red")

    assert "noon" in await shared_from(town, post, town.square)
    assert "red" in await shared_from(town, inner, den)
    assert "red" in await shared_from(town, inner, inner)
    assert await shared_from(town, inner, town.square, person=town.ada) == NOT_SHARED


async def test_hits_of_a_private_thread_are_shared_in_itself_alone(town: Town) -> None:
    """Not even the channel of a private thread is shown what was found in it."""
    [thread] = await private_threads(town, ["the ferry leaves at noon"], by=town.bob)

    answer = await asked(town.bob, town.square, "ferry")
    assert shown(await (await town.bob.press(answer, "Share")).answer()) == NOT_SHARED
    answer = await asked(town.bob, thread, "ferry")
    assert "noon" in shown(await (await town.bob.press(answer, "Share")).answer())


async def test_hits_of_an_age_restricted_channel_stay_among_such(town: Town) -> None:
    """What stands in an age-restricted channel is shared in age-restricted channels only."""
    night, bar = town.guild.text("night", nsfw=True), town.guild.text("bar", nsfw=True)
    await night.post(town.ada, "the ferry has a bar")
    await town.include("age_restricted")

    assert "ferry" in await shared_from(town, night, bar)
    assert shown(await asked(town.bob, town.square, "ferry", channel=night)) == NOTHING


async def test_hits_of_a_voice_chat_are_not_shared_with_those_who_may_not_enter(town: Town) -> None:
    """Where not everyone may connect, a voice chat's hits are not shown in a text channel without such a bar."""
    crew = town.guild.role("crew", permissions=CONNECT)
    await town.guild.give(town.bob, crew)
    await town.guild.give(town.discord.bot, crew)
    await town.guild.everyone.edit(permissions=town.guild.everyone.permissions & ~CONNECT.value)
    bridge, mast = town.guild.voice("bridge"), town.guild.voice("mast")
    await bridge.post(town.ada, "the ferry leaves at noon")
    await town.include("voice")

    assert await shared_from(town, bridge, town.square) == NOT_SHARED
    assert "ferry" in await shared_from(town, bridge, mast)
    assert "ferry" in await shared_from(town, bridge, bridge)
