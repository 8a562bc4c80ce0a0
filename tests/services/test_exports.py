import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from make import ADA, CHANNEL, GUILD, export, exported_message, utc, write_export

from bot.errors import ImportFileRefused
from bot.messages import Channel, ChannelKind, Message, Origin, Server
from bot.services.exports import Export, open_export
from bot.texts import storable
from bot.times import made_at, snowflake_at

READ_BYTES = 2**16  # the file is read in pieces of this size


def read(path: Path) -> tuple[Export, list[Message | str]]:
    with open_export(path) as file:
        return file.export, list(file.messages())


def read_one(path: Path, message: Any, **values: Any) -> Message | str:
    """What the only message of an export is read as."""
    _, [found] = read(write_export(path, [message], **values))
    return found


def read_text(path: Path, escaped: str) -> str:
    """The content that is read where the file has these very characters between the quotation marks."""
    text = json.dumps(export([exported_message(1, "@@")])).replace("@@", escaped)
    path.write_text(text, "utf-8")
    _, [message] = read(path)
    assert isinstance(message, Message)
    return message.content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


OLD_MESSAGE = {
    "id": "111111111111111111",
    "type": "Default",
    "timestamp": "2018-01-02T03:04:05.67+00:00",
    "timestampEdited": None,
    "isPinned": False,
    "content": "old but gold",
    "author": {"id": "501", "name": "ada", "discriminator": "1234", "isBot": False, "avatarUrl": "a.png"},
    "attachments": [],
    "embeds": [],
    "reactions": [
        {"emoji": {"id": None, "name": "👍", "isAnimated": False, "imageUrl": ""}, "count": 2},
        {"emoji": {"id": "", "name": "👎", "isAnimated": False, "imageUrl": ""}, "count": 1},
    ],
    "mentions": [],
}
OLD_EXPORT = {
    "guild": {"id": "1000", "name": "Town", "iconUrl": ""},
    "channel": {"id": "10", "type": "GuildTextChat", "category": "Text", "name": "square", "topic": None},
    "dateRange": {"after": None, "before": None},
    "messages": [OLD_MESSAGE],
    "messageCount": 1,
}


def test_b33_an_old_export_is_read(path):
    """An export of years ago lacks nicknames, roles, stickers, categories and dates, and is read all the same."""
    path.write_text(json.dumps(OLD_EXPORT), "utf-8")

    export, [message] = read(path)

    assert export == Export(Server(1000, "Town"), Channel(1000, 10, "square", ChannelKind.TEXT, None))
    assert message == Message(
        message_id=111111111111111111,
        guild_id=1000,
        channel_id=10,
        author_id=501,
        author_name="ada",
        content="old but gold",
        origin=Origin.EXPORT,
    )


def test_the_newest_export_is_read(path):
    """What the newest exporter adds to a message changes nothing about what is read."""
    button = {"type": "Button", "style": "Link", "label": "Go", "url": "https://example.com", "emoji": {"id": ""}}
    message = exported_message(
        1,
        "press here",
        type="20",
        components=[{"type": "ActionRow", "components": [button]}],
        interaction={"id": "7", "name": "go", "user": {"id": "502", "name": "bob", "isBot": False}},
        reference={"type": "Default", "messageId": None, "channelId": "10", "guildId": "1000"},
        reactions=[{"emoji": {"id": "", "name": "x"}, "count": 1, "users": [{"id": "502", "name": "bob"}]}],
    )

    assert read_one(path, message) == Message(
        message_id=1,
        guild_id=GUILD,
        channel_id=CHANNEL,
        author_id=ADA,
        author_name="Ada",
        content="press here",
        origin=Origin.EXPORT,
    )


def test_b33_unknown_fields_are_passed_over(path):
    """Fields that nobody knows yet, in a message and around it, change nothing."""
    message = exported_message(1, "known", hologram={"id": "9", "content": "unknown", "messages": [{"id": "5"}]})

    _, found = read(write_export(path, [message], futures=[{"messages": [1]}]))

    assert [(message.message_id, message.content) for message in found] == [(1, "known")]


@pytest.mark.parametrize(
    ("content", "forwarded", "expected"),
    [
        pytest.param("", {"content": "from afar"}, "from afar", id="forwarded text counts"),
        pytest.param("own words", {"content": "from afar"}, "own words", id="own text comes first"),
        pytest.param("", {"content": ""}, "", id="neither"),
        pytest.param("", {}, "", id="forwarded without text"),
        pytest.param("", None, "", id="null"),
        pytest.param(None, {"content": "from afar"}, "from afar", id="null and forwarded"),
    ],
)
def test_the_text_of_a_forward(path, content, forwarded, expected):
    """A message without text of its own has the text that it forwards."""
    message = exported_message(1, content, reference={"type": "Forward", "messageId": "5"}, forwardedMessage=forwarded)

    assert read_one(path, message).content == expected


@pytest.mark.parametrize(
    ("kind", "is_notice"),
    [
        ("Default", False),
        ("Reply", False),
        ("20", False),
        ("23", False),
        ("RecipientAdd", True),
        ("RecipientRemove", True),
        ("Call", True),
        ("ChannelNameChange", True),
        ("ChannelIconChange", True),
        ("ChannelPinnedMessage", True),
        ("GuildMemberJoin", True),
        ("ThreadCreated", True),
        ("21", True),
        ("46", True),
        ("9001", True),
        ("NeverHeardOf", True),
    ],
)
def test_b27_types_that_people_wrote(path, kind, is_notice):
    """Messages, replies and answers to commands were written; every other type is a notice, known or not."""
    assert read_one(path, exported_message(1, type=kind)).is_notice is is_notice


def test_a_message_without_a_type_was_written(path):
    """A missing type stands for an ordinary message."""
    message = exported_message(1)
    del message["type"]

    assert read_one(path, message).is_notice is False


@pytest.mark.parametrize("is_bot", [True, False])
def test_authors_that_are_bots(path, is_bot):
    """A bot's message is marked as one."""
    assert read_one(path, exported_message(1, author={"id": "5", "name": "x", "isBot": is_bot})).is_bot is is_bot


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        pytest.param({"id": "5", "name": "ada", "nickname": "Ada L."}, (5, "Ada L."), id="nickname"),
        pytest.param({"id": "5", "name": "ada", "nickname": None}, (5, "ada"), id="null nickname"),
        pytest.param({"id": "5", "name": "ada", "nickname": ""}, (5, "ada"), id="empty nickname"),
        pytest.param({"id": "5", "name": "ada"}, (5, "ada"), id="old"),
        pytest.param({"id": "5"}, (5, ""), id="no name"),
        pytest.param({"name": "ada"}, (0, "ada"), id="no id"),
        pytest.param({"id": "0", "name": "ada"}, (0, "ada"), id="id 0"),
        pytest.param({"id": 1.5, "name": "ada"}, (0, "ada"), id="float id"),
        pytest.param({"id": ["5"], "name": "ada"}, (0, "ada"), id="list as id"),
        pytest.param({}, (0, ""), id="empty"),
        pytest.param(None, (0, ""), id="null"),
        pytest.param("ada", (0, ""), id="text"),
    ],
)
def test_b33_who_wrote_it(path, author, expected):
    """The name is that of the server where there is one, and an author without a usable id is nobody."""
    message = read_one(path, exported_message(1, author=author))

    assert (message.author_id, message.author_name) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("GuildTextChat", ChannelKind.TEXT),
        ("GuildNews", ChannelKind.TEXT),
        ("GuildVoiceChat", ChannelKind.VOICE),
        ("GuildStageVoice", ChannelKind.VOICE),
        ("GuildForum", ChannelKind.FORUM),
        ("GuildPublicThread", ChannelKind.THREAD),
        ("GuildNewsThread", ChannelKind.THREAD),
        ("GuildDirectory", ChannelKind.OTHER),
        ("16", ChannelKind.OTHER),
        (16, ChannelKind.OTHER),
        (None, ChannelKind.OTHER),
    ],
)
def test_kinds_of_channels(path, kind, expected):
    """Each type of channel has its kind, and one that nobody knows is some other."""
    export, _ = read(write_export(path, [], channel={"id": "10", "type": kind, "name": "square"}))

    assert export.channel == Channel(GUILD, 10, "square", expected)


def test_a_thread_stands_below_its_channel(path):
    """What the exporter calls a thread's category is the channel that it hangs from."""
    thread = {"id": "77", "type": "GuildPublicThread", "categoryId": "10", "category": "square", "name": "a thread"}

    export, [message] = read(write_export(path, [exported_message(1)], channel=thread))

    assert export.channel == Channel(GUILD, 77, "a thread", ChannelKind.THREAD, parent_id=10)
    assert message.channel_id == 77


@pytest.mark.parametrize(
    "parent",
    [
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
        pytest.param("none", id="word"),
        pytest.param("-9", id="negative"),
        pytest.param("0", id="zero"),
        pytest.param(str(2**63), id="too large"),
        pytest.param("9" * 5_000, id="5,000 digits"),
    ],
)
def test_b16_a_parent_that_is_no_id_is_no_parent(path, parent):
    """A broken parent is no reason to refuse the channel."""
    channel = {"id": "10", "type": "GuildTextChat", "categoryId": parent, "name": "square"}

    export, _ = read(write_export(path, [], channel=channel))

    assert export.channel.parent_id is None


def test_a_private_thread_is_refused(path):
    """Who may read a private thread is unknown to an export, so it is not read at all."""
    write_export(path, [exported_message(1)], channel={"id": "77", "type": "GuildPrivateThread", "name": "secret"})

    with pytest.raises(ImportFileRefused) as refused:
        read(path)

    assert (refused.value.path, refused.value.reason) == (path, "private_thread")


@pytest.mark.parametrize("guild_id", ["0", 0])
def test_b35_direct_messages_are_refused(path, guild_id):
    """Server 0 stands for direct messages, which are nobody else's business."""
    write_export(path, [exported_message(1)], guild={"id": guild_id, "name": "Direct Messages", "iconUrl": ""})

    with pytest.raises(ImportFileRefused) as refused:
        read(path)

    assert refused.value.reason == "direct_messages"


BAD_IDS = [
    pytest.param(1.2345678901234568e17, id="float"),
    pytest.param("1.2345678901234568e+17", id="float as text"),
    pytest.param(" 123", id="leading space"),
    pytest.param("123\n", id="trailing line break"),
    pytest.param("12 3", id="inner space"),
    pytest.param("+123", id="plus sign"),
    pytest.param("1_000", id="underscore"),
    pytest.param("0x7b", id="hexadecimal"),
    pytest.param("１２３", id="full-width digits"),
    pytest.param(-5, id="negative"),
    pytest.param("-1", id="negative text"),
    pytest.param("", id="empty"),
    pytest.param(str(2**63), id="2**63"),
    pytest.param("9" * 5_000, id="5,000 digits"),
    pytest.param(None, id="null"),
    pytest.param(True, id="true"),
    pytest.param(["123"], id="list"),
    pytest.param({"id": "123"}, id="object"),
]


@pytest.mark.parametrize("value", [*BAD_IDS, pytest.param("0", id="zero text"), pytest.param(0, id="zero")])
def test_b16_a_message_without_a_usable_id_is_named(path, value):
    """An id that is not exactly an integer in range is no id; the messages around it are read."""
    messages = [exported_message(1), exported_message(2) | {"id": value}, exported_message(3)]

    _, [before, found, after] = read(write_export(path, messages))

    assert (before.message_id, found, after.message_id) == (1, "bad_id", 3)


@pytest.mark.parametrize("value", BAD_IDS)
@pytest.mark.parametrize("place", ["guild", "channel"])
def test_b16_a_server_or_channel_without_a_usable_id_refuses_the_file(path, place, value):
    """Without knowing where messages stand nothing of a file can be used."""
    head = export([])[place] | {"id": value}
    write_export(path, [exported_message(1)], **{place: head})

    with pytest.raises(ImportFileRefused) as refused:
        read(path)

    assert refused.value.reason == "bad_id"
    assert len(refused.value.detail) <= 40


@pytest.mark.parametrize("value", [1234567890123456789, "1234567890123456789"], ids=["number", "text"])
def test_b16_ids_are_exact(path, value):
    """An id has more digits than a float can hold, and keeps them all, as a number and as text."""
    message = read_one(path, exported_message(1) | {"id": value})

    assert message.message_id == 1234567890123456789


def test_b16_a_message_without_an_id_is_named(path):
    """A message that has no id at all is told, not raised."""
    message = exported_message(1)
    del message["id"]

    assert read_one(path, message) == "bad_id"


def test_b16_an_id_from_the_future_is_refused(path):
    """An id may be a day ahead, since clocks differ, and no more."""
    now = datetime.now(UTC)
    soon, late = (snowflake_at(now + timedelta(hours=hours)) for hours in (23, 25))

    _, [first, second] = read(write_export(path, [exported_message(soon), exported_message(late)]))

    assert (first.message_id, second) == (soon, "bad_id")


@pytest.mark.parametrize("value", [None, 5, "text", [], True, 1.5], ids=repr)
def test_what_is_no_message_is_named(path, value):
    """Anything but an object among the messages is told, and the others are read."""
    _, [found, message] = read(write_export(path, [value, exported_message(1)]))

    assert (found, message.message_id) == ("unreadable", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2024-10-26T10:22:32.1307262-05:00", utc("2024-10-26T15:22:32.130726"), id="7 digits"),
        pytest.param("2024-10-26T10:22:32.13+00:00", utc("2024-10-26T10:22:32.130"), id="2 digits"),
        pytest.param("2024-10-26T10:22:32.13", utc("2024-10-26T10:22:32.130"), id="no zone is UTC"),
        pytest.param("2024-10-26T10:22:32Z", utc("2024-10-26T10:22:32"), id="Z"),
        pytest.param("2024-10-26T10:22:32+14:00", utc("2024-10-25T20:22:32"), id="+14:00"),
        pytest.param("9999-12-31T23:59:59.9999999+00:00", utc("9999-12-31T23:59:59.999999"), id="year 9999"),
        pytest.param("2016-12-31T23:59:60+00:00", None, id="leap second"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before year 1"),
        pytest.param("9999-12-31T23:59:59-14:00", None, id="after year 9999"),
        pytest.param("NaT", None, id="NaT"),
        pytest.param("", None, id="empty"),
        pytest.param("yesterday", None, id="word"),
        pytest.param("2024-13-01T00:00:00+00:00", None, id="month 13"),
        pytest.param(1729938152, None, id="number"),
        pytest.param(None, None, id="null"),
        pytest.param(["2024-10-26"], None, id="list"),
    ],
)
def test_b19_when_it_was_edited(path, text, expected):
    """The time of an edit is understood in every form of the exporter, and is never a reason to lose a message."""
    message = read_one(path, exported_message(1, "kept", timestampEdited=text))

    assert (message.content, message.edited_at) == ("kept", expected)
    assert expected is None or message.edited_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "timestamp",
    ["2024-10-26T10:22:32.1307262-05:00", "2016-12-31T23:59:60", "0001-01-01T00:00:00+14:00", "NaT", "", None, 7],
    ids=repr,
)
def test_b19_the_time_of_a_message_is_in_its_id(path, timestamp):
    """Whatever the export says about when a message was written, its id knows better."""
    message = read_one(path, exported_message(175928847299117063, timestamp=timestamp))

    assert message.created_at == datetime(2016, 4, 30, 11, 18, 25, 796000, UTC)


def test_b20_an_edit_before_the_message_is_kept_as_told(path):
    """An edit that is said to be older than its message is read like any other."""
    message_id = snowflake_at(utc("2024-10-26T10:00:00"))
    message = read_one(path, exported_message(message_id, timestampEdited="2024-10-26T09:00:00+00:00"))

    assert message.edited_at == utc("2024-10-26T09:00:00") < made_at(message_id)


@pytest.mark.parametrize("hours", range(-12, 15, 2))
def test_b19_zones_tell_the_same_moment(path, hours):
    """One moment is one moment, in whatever zone the exporter stood."""
    moment = utc("2024-10-26T10:22:32.130000").astimezone(timezone(timedelta(hours=hours)))

    message = read_one(path, exported_message(1, timestampEdited=moment.isoformat()))

    assert message.edited_at == utc("2024-10-26T10:22:32.130000")


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        pytest.param(r"\ud83d\ude00", "😀", id="a pair"),
        pytest.param(r"\u65e5\u672c", "日本", id="no pairs needed"),
        pytest.param(r"\\ud83d", r"\ud83d", id="no escape at all"),
    ],
)
def test_b4_escaped_characters(path, escaped, expected):
    """An escaped character is the character."""
    assert read_text(path, escaped) == expected


HALVES = [
    pytest.param(r"\ud800", id="first half"),
    pytest.param(r"\udc00", id="second half"),
    pytest.param(r"\ud83d\ud83d\ude00", id="first half before a pair"),
    pytest.param(r"\ud83d\ude00\ude00", id="second half after a pair"),
    pytest.param(r"\ude00\ud83d", id="halves the wrong way round"),
    pytest.param(r"\ud83d\n", id="first half before a line break"),
]


@pytest.mark.parametrize("half", HALVES)
def test_b4_half_a_character_is_replaced_or_the_file_refused(path, half):
    """Half a character is never kept and never an unexpected failure."""
    try:
        content = read_text(path, f"before{half}after")
    except ImportFileRefused as refused:
        assert refused.reason == "not_json"  # noqa: PT017  # both ways of dealing with it are allowed
    else:
        assert storable(content) == content
        assert content.startswith("before")
        assert content.endswith("after")


@pytest.mark.parametrize("half", HALVES)
def test_b4_half_a_character_in_a_name_is_no_failure(path, half):
    """The name of a server may hold half a character; the file is read or refused."""
    text = json.dumps(export([exported_message(1)], guild={"id": "1000", "name": "@@"})).replace("@@", half)
    path.write_text(text, "utf-8")

    try:
        found, _ = read(path)
    except ImportFileRefused as refused:
        assert refused.reason == "not_json"  # noqa: PT017  # both ways of dealing with it are allowed
    else:
        assert storable(found.server.name) == found.server.name


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        pytest.param(r"a\u0000b", "a\0b", id="NUL"),
        pytest.param(r"\u0001\u001f\u007f", "\x01\x1f\x7f", id="C0"),
        pytest.param(r"\u0080\u009f", "\x80\x9f", id="C1"),
        pytest.param(r"\u2028\u2029", "\u2028\u2029", id="separators"),
        pytest.param("\u0085\u2028\u2029\x7f", "\x85\u2028\u2029\x7f", id="literal"),
        pytest.param(r"\u202e\u2066", "\u202e\u2066", id="directions"),
        pytest.param(r" \t\r\n ", " \t\r\n ", id="white space"),
        pytest.param(r"\"\\\/\b\f", '"\\/\b\f', id="escapes"),
    ],
)
def test_b5_controls_are_kept(path, escaped, expected):
    """A text is read as it was written, whatever it is made of."""
    assert read_text(path, escaped) == expected


@pytest.mark.parametrize("shift", range(5))
def test_b34_brackets_in_strings_are_text_wherever_a_piece_ends(path, shift):
    """Brackets, quotation marks and backslashes in a text are no structure, however the pieces fall."""
    text = "x" * shift + '["\\]{\\\\}' * (3 * READ_BYTES // 10)
    path.write_text(json.dumps(export([exported_message(1, text), exported_message(2, "after")])), "utf-8")

    _, [message, after] = read(path)

    assert (message.content, after.content) == (text, "after")


@pytest.mark.parametrize(("depth", "is_read"), [(490, True), (510, False)])
def test_b34_depth_is_bounded(path, depth, is_read):
    """Nesting that no export has is refused with its place, and what comes close to it is read."""
    path.write_text(
        json.dumps(export([exported_message(1, reactions="@@")])).replace('"@@"', "[" * depth + "]" * depth), "utf-8"
    )

    if is_read:
        assert [message.content for message in read(path)[1]] == ["hello"]
    else:
        with pytest.raises(ImportFileRefused) as refused:
            read(path)
        assert refused.value.reason == "too_deep"
        assert refused.value.detail.startswith("byte ")


def test_b34_the_last_of_two_equal_keys_counts(path):
    """A key that stands twice is read as most parsers read it."""
    path.write_text(
        json.dumps(export([exported_message(1, "one")])).replace(
            '"content": "one"', '"content": "one", "content": "two"'
        ),
        "utf-8",
    )

    _, [message] = read(path)

    assert message.content == "two"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, ""), (5, "5"), (False, ""), (["a"], "['a']")],
    ids=repr,
)
def test_b33_content_that_is_no_text(path, content, expected):
    """Content of another type is turned into text rather than raised about."""
    assert read_one(path, exported_message(1, content)).content == expected


def test_b31_every_beginning_of_a_file_keeps_what_is_whole(path):
    """Wherever a file breaks off, the messages that stand whole before it are read, and it is said that it is cut."""
    whole = json.dumps(export([exported_message(i, f"日本 {i} 😀") for i in (1, 2, 3)]), ensure_ascii=False).encode()
    ends = [whole.index(f'"id": "{i}"'.encode()) for i in (1, 2, 3)]

    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        found: list[Message | str] = []
        with pytest.raises(ImportFileRefused) as refused, open_export(path) as file:
            for message in file.messages():
                found.append(message)  # noqa: PERF402  # what was read stays when reading fails
        n_begun = sum(size > end for end in ends)
        assert refused.value.reason == "cut", whole[:size]
        assert [message.message_id for message in found] in ([1, 2, 3][:n_begun], [1, 2, 3][: max(n_begun - 1, 0)])
        assert all(message.content == f"日本 {message.message_id} 😀" for message in found)


def test_the_position_rises_to_the_size_of_the_file(path):
    """The position tells how many bytes were read, from the head to the end."""
    write_export(path, [exported_message(i, "x" * 1_000) for i in range(1, 301)])

    with open_export(path) as file:
        positions = [file.position for _ in file.messages()]

    assert positions == sorted(positions)
    assert len(set(positions)) > 3
    assert positions[-1] == path.stat().st_size


def test_the_messages_can_be_read_twice(path):
    """Asking for the messages again begins again."""
    write_export(path, [exported_message(1), exported_message(2)])

    with open_export(path) as file:
        assert list(file.messages()) == list(file.messages())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"attachments": [{"fileName": "tide.pdf"}, {"fileName": "image.png"}]}, "tide.pdf", id="files"),
        pytest.param({"embeds": [{"title": "Ice", "description": "Ships wait"}]}, "Ice\nShips wait", id="embeds"),
        pytest.param(
            {"forwardedMessage": {"content": "x", "attachments": [{"fileName": "tide.log"}]}}, "tide.log", id="forward"
        ),
        pytest.param({"attachments": None, "embeds": [None, {"title": None}]}, None, id="nothing"),
        pytest.param({"attachments": [{"fileName": 7}], "embeds": "x", "forwardedMessage": []}, None, id="nonsense"),
    ],
)
def test_what_came_with_a_message_can_be_read(path, values, expected):
    """Titles and descriptions of embeds and the names of files, where they tell something."""
    found = read_one(path, exported_message(1, "look", **values))

    assert (found.content, found.attached) == ("look", expected)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param({"messageId": "5", "channelId": str(CHANNEL), "guildId": str(GUILD)}, 5, id="a reply"),
        pytest.param({"messageId": "5"}, 5, id="of an old file"),
        pytest.param({"messageId": "5", "channelId": "11"}, None, id="of another channel"),
        pytest.param({"type": "Forward", "messageId": "5", "channelId": str(CHANNEL)}, None, id="a forward"),
        pytest.param({"messageId": None, "channelId": str(CHANNEL)}, None, id="nothing"),
        pytest.param("nonsense", None, id="nonsense"),
    ],
)
def test_an_answer_knows_what_it_answers(path, reference, expected):
    """A message of the same channel, and only where it is answered."""
    assert read_one(path, exported_message(2, "yes", reference=reference)).reply_to == expected
