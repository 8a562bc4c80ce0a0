import gzip
import itertools
import json
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Rooms, rooms_over
from make import ADA, BOB, CHANNEL, GUILD, OTHER_GUILD, export, exported_message, message, utc, write_export

from bot.messages import Channel, ChannelKind, Origin
from bot.services.importer import ImportReport, export_files
from bot.services.ingest import Tally
from bot.storage.database import open_to_write
from bot.times import snowflake_at
from bot.words import Words

ROOT = Path(__file__).parents[2]
MIB = 2**20
READ_BYTES = 2**16  # the file is read in pieces of this size
BATCH = 2_000  # messages that are stored at once

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="measures with /proc and limits with RLIMIT_AS")


async def run(rooms: Rooms, *paths: Path) -> ImportReport:
    return await rooms.importer.run(export_files(paths))


def refusals(report: ImportReport) -> dict[str, str]:
    """Why each file was refused, by its name."""
    return {refused.path.name: refused.reason for refused in report.refused}


async def contents(rooms: Rooms, *ids: int, guild_id: int = GUILD) -> dict[int, str]:
    stored = await rooms.messages.get_many(guild_id, ids or range(1, 100))
    return {i: found.message.content for i, found in sorted(stored.items())}


async def rows(rooms: Rooms) -> list[list[tuple]]:
    """Everything that an import writes."""
    return [
        await rooms.database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")
        for table in ("messages", "authors", "channels", "pending")
    ]


# --- what is counted, and what comes of the same again


async def test_what_became_of_messages_is_counted(rooms, tmp_path):
    """Every message of an export is counted once, under what became of it."""
    await rooms.ingest.saved(GUILD, [message(1, "live"), message(2, "gone")])
    await rooms.ingest.deleted(GUILD, [2])
    await run(rooms, write_export(tmp_path / "first.json", [exported_message(3, "before"), exported_message(4)]))
    second = [
        exported_message(1, "exported"),
        exported_message(2, "gone"),
        exported_message(3, "after", timestampEdited="2024-10-27T00:00:00+00:00"),
        exported_message(4),
        exported_message(5),
        exported_message(6),
        exported_message(7, "Joined the server.", type="GuildMemberJoin"),
        exported_message(8, "beep", author={"id": "9", "name": "bot", "isBot": True}),
        exported_message("nine"),
        "no message",
    ]

    report = await run(rooms, write_export(tmp_path / "second.json", second))

    skipped = {"deleted": 1, "notice": 1, "bot": 1, "bad_id": 1, "unreadable": 1}
    assert (report.tally.new, report.tally.changed, report.tally.unchanged) == (2, 1, 2)
    assert report.tally.skipped == skipped
    assert report.tally.total == len(second)
    assert (report.n_files, report.refused) == (1, [])
    assert await contents(rooms) == {1: "live", 3: "after", 4: "hello", 5: "hello", 6: "hello"}


async def test_b32_the_same_file_twice(rooms, tmp_path):
    """Importing a file again changes no row and embeds nothing."""
    path = write_export(tmp_path / "export.json", [exported_message(i, f"text {i}") for i in range(1, 6)])
    await run(rooms, path)
    await rooms.settle()
    before, n_embedded = await rows(rooms), len(rooms.embedder.texts)

    report = await run(rooms, path)
    await rooms.settle()

    assert report.tally == Tally(unchanged=5)
    assert await rows(rooms) == before
    assert len(rooms.embedder.texts) == n_embedded == 5


async def test_equal_texts_are_embedded_once(rooms, tmp_path):
    """Messages that say the same are two messages with one embedding between them."""
    await run(rooms, write_export(tmp_path / "export.json", [exported_message(1, "bird"), exported_message(2, "bird")]))
    await rooms.settle()

    assert rooms.embedder.texts == ["bird"]
    assert sorted(rooms.mirror.ids(GUILD).tolist()) == [1, 2]


PARTS = ("town [part 2].json", "town.json", "town [part 3].json")


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)), ids=", ".join)
async def test_b32_parts_in_any_order(tmp_path, order):
    """Parts of one channel that overlap end in equal rows, whichever comes first; the latest edit wins."""
    edited = [
        exported_message(2, text, timestampEdited=at)
        for text, at in [("one", None), ("two", "2024-10-27T00:00:00+00:00"), ("three", "2024-10-28T00:00:00+00:00")]
    ]
    write_export(tmp_path / "town.json", [exported_message(1), edited[0]])
    write_export(
        tmp_path / "town [part 2].json", [edited[2], exported_message(3, author={"id": str(BOB), "name": "bob"})]
    )
    write_export(tmp_path / "town [part 3].json", [edited[1], exported_message(4)])

    (tmp_path / "data").mkdir()
    async with open_to_write(tmp_path / "data") as database:
        rooms = await rooms_over(database)
        await run(rooms, *(tmp_path / name for name in order))
        messages, authors, _, pending = await rows(rooms)

    assert [row[1] for row in messages] == [1, 2, 3, 4]
    assert [row[7] for row in messages] == ["hello", "three", "hello", "hello"]
    assert authors == [(GUILD, ADA, "Ada"), (GUILD, BOB, "bob")]
    assert [row[0] for row in pending] == [1, 2, 3, 4]


async def test_b32_one_id_twice_in_a_file(rooms, tmp_path):
    """An id that stands twice is one message, and the first of two equal versions stays."""
    path = write_export(tmp_path / "export.json", [exported_message(1, "one"), exported_message(1, "two")])

    report = await run(rooms, path)

    assert (report.tally.new, report.tally.unchanged, report.tally.total) == (1, 1, 2)
    assert await contents(rooms) == {1: "one"}


async def test_b32_one_id_twice_with_an_edit(rooms, tmp_path):
    """Of two versions in one file the later edit stays, wherever it stands."""
    edit = exported_message(1, "edited", timestampEdited="2024-10-27T00:00:00+00:00")

    await run(rooms, write_export(tmp_path / "export.json", [edit, exported_message(1, "first")]))

    assert await contents(rooms) == {1: "edited"}


@pytest.mark.parametrize("count", [0, 1, 99, -1, "two", None], ids=repr)
async def test_b32_a_wrong_count_is_no_matter(rooms, tmp_path, count):
    """What the file says about how many messages it has is not believed."""
    messages = [exported_message(1), exported_message(2)]

    report = await run(rooms, write_export(tmp_path / "export.json", messages, messageCount=count))

    assert (report.tally, report.refused) == (Tally(new=2), [])


async def test_b32_a_missing_count_is_no_matter(rooms, tmp_path):
    """A file that does not say how many messages it has is read."""
    whole = export([exported_message(1)])
    del whole["messageCount"]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(whole), "utf-8")

    assert (await run(rooms, path)).tally == Tally(new=1)


async def test_more_than_one_batch(rooms, tmp_path):
    """A file of many batches is stored whole."""
    n = 2 * BATCH + 1
    path = write_export(tmp_path / "export.json", [exported_message(i) for i in range(1, n + 1)])

    report = await run(rooms, path)

    assert report.tally == Tally(new=n)
    assert await rooms.messages.count() == n


async def test_an_export_without_messages(rooms, tmp_path):
    """An empty export is a file that was read, and makes its channel known."""
    report = await run(rooms, write_export(tmp_path / "export.json", [], channel={"id": "30", "name": "empty"}))

    assert report == ImportReport(n_files=1)
    assert Channel(GUILD, 30, "empty", ChannelKind.OTHER) in await rooms.servers.channels(GUILD)


# --- which files are meant


async def test_files_and_folders(rooms, tmp_path):
    """Files are taken by name, and folders with all that lies in them, however deep."""
    folder = tmp_path / "exports"
    (folder / "_threads").mkdir(parents=True)
    named = write_export(tmp_path / "named.txt", [exported_message(1)])
    write_export(folder / "a.json", [exported_message(2)])
    write_export(folder / "_threads" / "b.json", [exported_message(3)])
    (folder / "notes.txt").write_text("no export")

    report = await run(rooms, named, folder)

    assert (report.n_files, report.tally, report.refused) == (3, Tally(new=3), [])


def test_attached_files_are_not_taken(tmp_path):
    """A folder's .json files are exports, except those that were attached to messages."""
    names = ["b.json", "a.json", "data-A1B2C.json", "data-a1b2c.json", "data-A1B2.json", "-00000.json", "c.JSON.bak"]
    for name in names:
        (tmp_path / name).write_text("{}")

    assert [path.name for path in export_files([tmp_path])] == ["a.json", "b.json", "data-A1B2.json", "data-a1b2c.json"]


def test_a_file_that_is_named_is_taken_whatever_its_name(tmp_path):
    """A file that somebody names is meant, and taken once though it is named twice."""
    path = tmp_path / "data-A1B2C.json"
    path.write_text("{}")

    assert export_files([path, tmp_path / "missing.json", path]) == [path, tmp_path / "missing.json"]


def test_a_file_that_a_folder_has_as_well_is_taken_once(tmp_path):
    """A file that is named beside its folder is read once."""
    path = tmp_path / "a.json"
    path.write_text("{}")

    assert export_files([path, tmp_path]) == [path]


# --- B30: what is no export


def utf16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


EXPORT = json.dumps(export([exported_message(1)]))


def zipped() -> bytes:
    import io  # noqa: PLC0415  # for this one file

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("export.json", EXPORT)
    return made.getvalue()


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param(b"not JSON at all", "not_json", id="text"),
        pytest.param(b"<!DOCTYPE html><html></html>", "html", id="HTML"),
        pytest.param(b"AuthorID,Author,Date\n1,ada,2024\n", "not_json", id="CSV"),
        pytest.param(b"[", "not_an_export", id="an open list"),
        pytest.param(b"[]", "not_an_export", id="an empty list"),
        pytest.param(b"null", "not_an_export", id="null"),
        pytest.param(b'"text"', "not_an_export", id="a string"),
        pytest.param(b"5", "not_an_export", id="a number"),
        pytest.param(b"{}", "not_an_export", id="an empty object"),
        pytest.param(b'{"messages": []}', "not_an_export", id="messages of nowhere"),
        pytest.param(b'{"guild": {"id": "1"}, "messages": []}', "not_an_export", id="no channel"),
        pytest.param(b'{"guild": 1, "channel": 2, "messages": []}', "not_an_export", id="numbers as places"),
        pytest.param(b'{"guild": {"id": "1"}, "channel": {"id": "2"}}', "not_an_export", id="no messages"),
        pytest.param(
            b'{"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": {}}', "not_an_export", id="messages no list"
        ),
        pytest.param(
            b'{"messages": [], "guild": {"id": "1"}, "channel": {"id": "2"}}', "not_an_export", id="places at the end"
        ),
        pytest.param(b"", "empty", id="0 bytes"),
        pytest.param(b" \n\t ", "cut", id="white space"),
        pytest.param(b"\xef\xbb\xbf", "cut", id="a BOM alone"),
        pytest.param(utf16(EXPORT), "utf16", id="UTF-16 little end"),
        pytest.param(b"\xfe\xff" + EXPORT.encode("utf-16-be"), "utf16", id="UTF-16 big end"),
        pytest.param(EXPORT.encode("utf-16-le"), "not_json", id="UTF-16 unmarked"),
        pytest.param(EXPORT.replace("hello", "h\xe9llo").encode("latin-1"), "not_json", id="Latin-1"),
        pytest.param(gzip.compress(EXPORT.encode()), "gzip", id="gzip"),
        pytest.param(zipped(), "zip", id="zip"),
        pytest.param(EXPORT.encode() + b"x", "not_json", id="something after the end"),
        pytest.param(b"SQLite format 3\0", "not_json", id="a database"),
        pytest.param(b"\0" * 100, "not_json", id="zeros"),
    ],
)
async def test_b30_what_is_no_export_is_refused_and_the_others_go_on(rooms, tmp_path, written, reason):
    """Each file that is something else is named with what it is, in one line, and those around it are imported."""
    before = write_export(tmp_path / "before.json", [exported_message(8)])
    after = write_export(tmp_path / "after.json", [exported_message(9)])
    bad = tmp_path / "bad.json"
    bad.write_bytes(written)

    report = await run(rooms, before, bad, after)

    assert refusals(report) == {"bad.json": reason}
    assert report.n_files == 2
    assert {8, 9} <= set(await contents(rooms))
    told = Words("en").error(report.refused[0])
    assert told.startswith(f"{bad}: ")
    assert "\n" not in told
    assert len(told) < len(str(bad)) + 160


async def test_b30_utf_8_with_a_bom_is_read(rooms, tmp_path):
    """An export that some editor saved with a BOM is an export."""
    path = tmp_path / "export.json"
    path.write_bytes(b"\xef\xbb\xbf" + EXPORT.encode())

    assert (await run(rooms, path)).tally == Tally(new=1)


async def test_b30_paths_that_are_no_files(rooms, tmp_path):
    """Folders without exports, devices and missing files are told apart, and the others go on."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "x-A1B2C.json").write_text("{}")
    good = write_export(tmp_path / "good.json", [exported_message(1)])

    report = await run(
        rooms, tmp_path / "empty", tmp_path / "assets", Path("/dev/null"), tmp_path / "missing.json", good
    )

    assert refusals(report) == {
        "empty": "not_a_file",
        "assets": "not_a_file",
        "null": "not_a_file",
        "missing.json": "no_file",
    }
    assert report.tally == Tally(new=1)


async def test_b30_links(rooms, tmp_path):
    """A link is followed to its own folder and not out of it."""
    outside = write_export(tmp_path / "outside.json", [exported_message(1)])
    folder = tmp_path / "exports"
    folder.mkdir()
    inside = write_export(folder / "inside.json", [exported_message(2)])
    (folder / "out.json").symlink_to(outside)
    (folder / "in.json").symlink_to(inside)
    (folder / "broken.json").symlink_to(folder / "nowhere.json")

    report = await run(rooms, folder, folder / "broken.json")

    assert refusals(report) == {"out.json": "link", "broken.json": "no_file"}
    assert await contents(rooms) == {2: "hello"}


async def test_b30_a_link_to_itself(rooms, tmp_path):
    """A link that leads in a circle is refused like any other file, and the others go on."""
    (tmp_path / "circle.json").symlink_to("circle.json")
    good = write_export(tmp_path / "good.json", [exported_message(1)])

    report = await run(rooms, tmp_path / "circle.json", good)

    assert list(refusals(report)) == ["circle.json"]
    assert report.tally == Tally(new=1)


async def test_b30_a_name_that_no_file_can_have(rooms, tmp_path):
    """A path that the system cannot even look up is refused like any other, and the others go on."""
    good = write_export(tmp_path / "good.json", [exported_message(1)])

    report = await run(rooms, tmp_path / ("x" * 300), tmp_path / "a\0b", good)

    assert [refused.reason for refused in report.refused] == ["unreadable", "no_file"]
    assert report.tally == Tally(new=1)


# --- B31: what is cut or lacks something


async def test_b31_a_file_that_breaks_off(rooms, tmp_path):
    """A file that breaks off keeps what stood before, and says where it ends."""
    text = write_export(tmp_path / "whole.json", [exported_message(i, f"日本 {i}") for i in (1, 2, 3)]).read_bytes()
    path = tmp_path / "cut.json"
    path.write_bytes(text[: text.index(b'"id": "3"') + 20])

    report = await run(rooms, path)

    [refused] = report.refused
    assert (refused.reason, refused.detail) == ("cut", f"byte {path.stat().st_size:,}")
    assert (report.n_files, report.tally) == (0, Tally(new=2))
    assert await contents(rooms) == {1: "日本 1", 2: "日本 2"}


async def test_b31_what_an_export_lacks_is_not_deleted(rooms, tmp_path):
    """An export that had failed half way, or a slice, takes nothing away."""
    path = write_export(tmp_path / "whole.json", [exported_message(i) for i in (1, 2, 3)])
    await run(rooms, path)

    for messages in ([exported_message(1)], [], [exported_message(4)]):
        await run(rooms, write_export(path, messages))

    assert list(await contents(rooms)) == [1, 2, 3, 4]


async def test_b31_the_whole_file_after_a_cut_one(rooms, tmp_path):
    """Importing the whole file later adds what was missing and nothing else."""
    path = write_export(tmp_path / "export.json", [exported_message(i) for i in (1, 2, 3)])
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b'"id": "3"')])
    await run(rooms, path)
    path.write_bytes(whole)

    assert (await run(rooms, path)).tally == Tally(new=1, unchanged=2)


async def test_b33_messages_without_optional_fields(rooms, tmp_path):
    """A message needs an id and nothing else."""
    report = await run(rooms, write_export(tmp_path / "export.json", [{"id": "1"}, {"id": "2", "content": "bare"}]))

    assert report.tally == Tally(new=2)
    assert await contents(rooms) == {1: "", 2: "bare"}


# --- B34: what is too much


def with_value(path: Path, value: str, *, n_before: int = 0) -> Path:
    """An export with messages of 1,000 characters, one that has `value` in it as it stands, and one after it."""
    messages = [exported_message(i, "x" * 1_000) for i in range(1, n_before + 1)]
    messages += [exported_message(n_before + 1, reactions="@@"), exported_message(n_before + 2)]
    path.write_text(json.dumps(export(messages)).replace('"@@"', value), "utf-8")
    return path


DEEP = 100_000
TOO_MUCH = {
    "deep lists": ("[" * DEEP + "]" * DEEP, "too_deep"),
    "deep objects": ('{"a":' * DEEP + "1" + "}" * DEEP, "too_deep"),
    "deep behind brackets in strings": ('["]",' * DEEP + "1" + "]" * DEEP, "too_deep"),
    "deep behind many brackets": ('["]]]]}}}}",' * DEEP + "1" + "]" * DEEP, "too_deep"),
    "deep behind escapes": (r'["\"]\\",' * DEEP + "1" + "]" * DEEP, "too_deep"),
    "deep and never closed": ("[" * DEEP, "too_deep"),
    "20 MB of text": ('"' + "x" * (20 * MIB) + '"', "too_large"),
    "20 MB of lists": ("[" + "[]," * (7 * MIB) + "[]]", "too_large"),
    "20 MB of nothing": ("1" + " " * (20 * MIB), "too_large"),
    "5,000 digits": ("9" * 5_000, "not_json"),
    "20 digits": ("9" * 20, "not_json"),
    "NaN": ("NaN", "not_json"),
    "Infinity": ("-Infinity", "not_json"),
    "1e999": ("1e999", "not_json"),
}

# Imports the files that it is given, in a process of its own, and tells what that took.
APART = """
import asyncio, json, resource, sys, tempfile, time
from pathlib import Path
from conftest import rooms_over
from bot.services.importer import export_files
from bot.storage.database import open_to_write

opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))

async def main():
    with tempfile.TemporaryDirectory() as folder:
        async with open_to_write(Path(folder)) as database:
            rooms = await rooms_over(database)
            opened.clear()
            started = time.perf_counter()
            report = await rooms.importer.run(export_files(map(Path, sys.argv[1:])))
            seconds = time.perf_counter() - started
    [peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(json.dumps({
        "new": report.tally.new,
        "refused": {refused.path.stem: refused.reason for refused in report.refused},
        "opened": opened,
        "peak_mib": int(peak.split()[1]) / 1024,
        "seconds": seconds,
    }))

asyncio.run(main())
"""


def import_apart(*paths: Path) -> dict:
    """What an import came to in a process of its own, with at most 3 GiB of memory."""
    done = subprocess.run(
        [sys.executable, "-c", APART, *map(str, paths)],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        cwd=paths[0].parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr[-2_000:]}"
    return json.loads(done.stdout)


@linux_only
@pytest.mark.parametrize("case", TOO_MUCH)
def test_b34_what_is_too_much_is_refused(tmp_path, case):
    """Values that no export has refuse the file in bounded time and memory; what stood well before them is kept."""
    value, reason = TOO_MUCH[case]

    found = import_apart(with_value(tmp_path / "bad.json", value, n_before=200))

    assert found["refused"] == {"bad": reason}
    assert 200 - READ_BYTES // 1_000 <= found["new"] <= 200
    assert found["seconds"] < 10
    assert found["peak_mib"] < 400


@linux_only
@pytest.mark.parametrize("digits", [20, 5_000])
def test_b34_a_long_integer_at_the_beginning_of_a_file(tmp_path, digits):
    """An integer of any length in the head or in the first message refuses the file and ends nothing else."""
    number = "9" * digits
    text = json.dumps(export([exported_message(1)], dateRange={"after": "@@"})).replace('"@@"', number)
    (tmp_path / "head.json").write_text(text, "utf-8")
    with_value(tmp_path / "first.json", number)
    write_export(tmp_path / "good.json", [exported_message(1)])

    found = import_apart(*(tmp_path / f"{name}.json" for name in ("head", "first", "good")))

    assert found["refused"] == {"head": "not_json", "first": "not_json"}
    assert found["new"] == 1


async def test_b34_the_place_is_told(rooms, tmp_path):
    """A file that is refused in the middle says before or after which byte."""
    path = with_value(tmp_path / "bad.json", "NaN")

    [refused] = (await run(rooms, path)).refused

    assert refused.detail.endswith(f"before byte {path.stat().st_size:,}")


@pytest.mark.parametrize("escape", [r"\"", r"\\", r"\n", "]"], ids=ascii)
async def test_b34_a_text_full_of_escapes_is_read_in_no_time(rooms, tmp_path, escape):
    """How long a text takes depends on its length and not on what it is made of, wherever a piece ends."""
    # The first piece ends within the text, after some 17,000 of the escapes.
    path = with_value(tmp_path / "export.json", '"' + escape * 20_000 + '"', n_before=20)
    started = time.perf_counter()

    report = await run(rooms, path)

    assert report.tally == Tally(new=22)
    assert time.perf_counter() - started < 1


async def test_b34_a_large_message_is_read(rooms, tmp_path):
    """A message of a few megabytes is unheard of, and read."""
    path = write_export(tmp_path / "export.json", [exported_message(1, "x" * (4 * MIB)), exported_message(2)])

    report = await run(rooms, path)

    assert (report.tally, report.refused) == (Tally(new=2), [])


def many_messages(path: Path, mib: int) -> tuple[Path, int]:
    """An export of about so many MiB with texts of 2,000 characters; how many messages it has."""
    head, _, tail = json.dumps(export(["@@"])).partition('"@@"')
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        n = 0
        while file.tell() < mib * MIB:
            n += 1
            file.write(json.dumps(exported_message(n, f"{n} " * (2_000 // len(f"{n} ")))) + ",")
        file.write(json.dumps(exported_message(n + 1)) + tail)
    return path, n + 1


@linux_only
def test_b34_memory_does_not_grow_with_the_file(tmp_path):
    """Ten times the file takes the same memory."""
    small, n_small = many_messages(tmp_path / "small.json", 6)
    large, n_large = many_messages(tmp_path / "large.json", 60)

    of_small, of_large = import_apart(small), import_apart(large)

    assert (of_small["new"], of_large["new"]) == (n_small, n_large)
    assert of_large["peak_mib"] - of_small["peak_mib"] < 40


# --- B35 to B39: whose text it is


async def test_b35_an_export_of_another_server(rooms, tmp_path):
    """Messages are filed under the server that the export names, known before or not."""
    path = write_export(tmp_path / "export.json", [exported_message(1)], guild={"id": "3000", "name": "Elsewhere"})

    await run(rooms, path)

    assert await contents(rooms, guild_id=3000) == {1: "hello"}
    assert await contents(rooms, guild_id=GUILD) == {}
    assert [server.name for server in await rooms.servers.servers()] == ["Town", "Town", "Elsewhere"]


async def test_b35_channels_of_one_name_are_kept_apart(rooms, tmp_path):
    """Channels are told apart by server and id, never by name."""
    places = [(GUILD, 31), (GUILD, 32), (OTHER_GUILD, 33)]
    for number, (guild_id, channel_id) in enumerate(places, 1):
        write_export(
            tmp_path / f"{number}.json",
            [exported_message(number, f"text {number}")],
            guild={"id": str(guild_id), "name": "Town"},
            channel={"id": str(channel_id), "type": "GuildTextChat", "name": "general"},
        )

    await run(rooms, tmp_path)

    for number, (guild_id, channel_id) in enumerate(places, 1):
        found = (await rooms.messages.get_many(guild_id, [number]))[number]
        assert (found.message.channel_id, found.channel_name) == (channel_id, "general")
    assert [c.channel_id for c in await rooms.servers.channels(GUILD) if c.name == "general"] == [31, 32]
    assert [c.channel_id for c in await rooms.servers.channels(OTHER_GUILD) if c.name == "general"] == [33]


async def test_b35_one_id_in_two_servers(rooms, tmp_path):
    """The same ids in two servers are different messages."""
    write_export(tmp_path / "a.json", [exported_message(1, "here")])
    write_export(tmp_path / "b.json", [exported_message(1, "there")], guild={"id": str(OTHER_GUILD), "name": "Town"})

    assert (await run(rooms, tmp_path)).tally == Tally(new=2)
    assert await contents(rooms, guild_id=GUILD) == {1: "here"}
    assert await contents(rooms, guild_id=OTHER_GUILD) == {1: "there"}


async def test_b35_direct_messages_and_private_threads_are_refused(rooms, tmp_path):
    """Nothing of direct messages or of a private thread is stored, not even their names."""
    write_export(tmp_path / "dm.json", [exported_message(1)], guild={"id": "0", "name": "Direct Messages"})
    write_export(
        tmp_path / "private.json",
        [exported_message(2)],
        channel={"id": "77", "type": "GuildPrivateThread", "categoryId": "10", "name": "secret"},
    )

    report = await run(rooms, tmp_path)

    assert refusals(report) == {"dm.json": "direct_messages", "private.json": "private_thread"}
    assert await rooms.messages.count() == 0
    assert [channel.name for channel in await rooms.servers.channels(GUILD)] == ["square"]
    assert [server.guild_id for server in await rooms.servers.servers()] == [GUILD, OTHER_GUILD]


@pytest.mark.parametrize("edited", [None, "2030-01-01T00:00:00+00:00"], ids=["unedited", "edited later"])
async def test_b36_the_live_text_wins(rooms, tmp_path, edited):
    """A text that came live stays as it is, since an export has rewritten it; the difference is no edit."""
    await rooms.ingest.saved(GUILD, [message(1, "hi <@501> <:kekw:7>")])
    await rooms.settle()

    path = write_export(tmp_path / "export.json", [exported_message(1, "hi @Adam :kekw:", timestampEdited=edited)])
    report = await run(rooms, path)
    await rooms.settle()

    assert report.tally == Tally(unchanged=1)
    stored = (await rooms.messages.get_many(GUILD, [1]))[1].message
    assert (stored.content, stored.edited_at, stored.origin) == ("hi <@501> <:kekw:7>", None, Origin.LIVE)
    assert rooms.embedder.texts == ["hi <@501> <:kekw:7>"]


async def test_b36_the_live_text_wins_when_it_comes_later(rooms, tmp_path):
    """A text that comes live takes the place of an exported one, even of one with a later edit."""
    at = "2030-01-01T00:00:00+00:00"
    await run(rooms, write_export(tmp_path / "export.json", [exported_message(1, "hi @Adam", timestampEdited=at)]))

    tally = await rooms.ingest.saved(GUILD, [message(1, "hi <@501>", edited_at=utc("2025-01-01T00:00:00"))])

    assert tally == Tally(changed=1)
    assert await contents(rooms) == {1: "hi <@501>"}


@linux_only
def test_b37_what_an_export_points_to_is_never_opened(tmp_path):
    """Paths of avatars, icons and attached files are not opened, wherever they lead."""
    places = ["asset.png", "..\\..\\asset.png", "C:\\asset.png", "../asset.png", "/asset.png", "file:///asset.png"]
    places.append(str(tmp_path / "asset.png"))
    (tmp_path / "asset.png").write_bytes(b"asset")
    messages = [
        exported_message(
            number,
            attachments=[{"id": "5", "url": place, "fileName": place, "fileSizeBytes": 5}],
            stickers=[{"id": "6", "name": place, "format": "Png", "sourceUrl": place}],
            author={"id": "7", "name": "ada", "isBot": False, "avatarUrl": place},
        )
        for number, place in enumerate(places, 1)
    ]
    path = write_export(tmp_path / "export.json", messages, guild={"id": "1000", "name": "Town", "iconUrl": places[0]})

    found = import_apart(path)

    assert found["new"] == len(places)
    assert str(path) in found["opened"]
    assert not [opened for opened in found["opened"] if "asset" in opened]


async def test_b38_a_file_that_changes_while_it_is_read(rooms, tmp_path):
    """A file that somebody writes to while it is read is named; what was read of it stays."""
    path = write_export(tmp_path / "export.json", [exported_message(1), exported_message(2)])
    good = write_export(tmp_path / "good.json", [exported_message(3)])

    def write_on(which: Path, _position: int) -> None:
        if which == path:
            with path.open("a") as file:
                file.write("\n")

    report = await rooms.importer.run([path, good], on_progress=write_on)

    assert refusals(report) == {"export.json": "changed"}
    assert (report.n_files, report.tally) == (1, Tally(new=3))
    assert list(await contents(rooms)) == [1, 2, 3]


PACKAGE = {
    "messages/index.json": '{"10": "square", "11": null}',
    "messages/c10/channel.json": '{"id": "10", "type": 0, "name": "square", "guild": {"id": "1000", "name": "Town"}}',
    "messages/c10/messages.json": (
        '[{"ID": 1, "Timestamp": "2025-01-16 18:47:37", "Contents": "mine", "Attachments": ""}]'
    ),
    "account/user.json": '{"id": "501", "username": "ada"}',
    "servers/index.json": '{"1000": "Town"}',
}


async def test_b39_a_data_package_is_refused(rooms, tmp_path):
    """Discord's own data package is something else, and every file of it says so."""
    for name, text in PACKAGE.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    report = await run(rooms, tmp_path / "package")

    assert {refused.reason for refused in report.refused} == {"not_an_export"}
    assert len(report.refused) == len(PACKAGE)
    assert all("data package" in Words("en").error(refused) for refused in report.refused)
    assert await rooms.messages.count() == 0


async def test_b39_an_old_data_package_is_refused(rooms, tmp_path):
    """The tables of older data packages are no JSON."""
    path = tmp_path / "messages.csv"
    path.write_text('ID,Timestamp,Contents,Attachments\n1,2018-01-01,"two\nlines",\n')

    assert refusals(await run(rooms, path)) == {"messages.csv": "not_json"}


# --- policy and order


async def test_bots_and_notices_are_not_stored(rooms, tmp_path):
    """What bots and Discord itself wrote is counted and not kept, though a bot answered a command."""
    messages = [
        exported_message(1, "beep", author={"id": "9", "name": "bot", "isBot": True}),
        exported_message(2, "Pinned a message.", type="ChannelPinnedMessage"),
        exported_message(3, "answer", type="20", author={"id": "9", "name": "bot", "isBot": True}),
        exported_message(4, "Joined the server.", type="GuildMemberJoin", author={"id": "9", "isBot": True}),
        exported_message(5, "a new kind", type="57"),
    ]

    report = await run(rooms, write_export(tmp_path / "export.json", messages))

    assert report.tally.skipped == {"bot": 2, "notice": 3}
    assert await contents(rooms) == {}


async def test_a_deleted_message_stays_deleted(rooms, tmp_path):
    """An import does not bring back what was deleted, in this server only."""
    path = write_export(tmp_path / "export.json", [exported_message(1), exported_message(2)])
    other = write_export(tmp_path / "other.json", [exported_message(1)], guild={"id": str(OTHER_GUILD), "name": "T"})
    await run(rooms, path)
    await rooms.settle()
    await rooms.ingest.deleted(GUILD, [1])

    report = await run(rooms, path, other)
    await rooms.settle()

    assert (report.tally.new, report.tally.unchanged, report.tally.skipped) == (1, 1, {"deleted": 1})
    assert await contents(rooms) == {2: "hello"}
    assert rooms.mirror.ids(GUILD).tolist() == [2]
    assert rooms.mirror.ids(OTHER_GUILD).tolist() == [1]


async def test_b16_an_id_from_the_future_is_skipped(rooms, tmp_path):
    """A message that would be written in two days is not stored."""
    future = snowflake_at(datetime.now(UTC) + timedelta(days=2))

    report = await run(rooms, write_export(tmp_path / "export.json", [exported_message(future), exported_message(1)]))

    assert report.tally.skipped == {"bad_id": 1}
    assert await rooms.messages.count() == 1


async def test_b20_an_older_edit_does_not_win(rooms, tmp_path):
    """A text that was edited earlier than the stored one is left out, and one edited later is taken."""
    path = tmp_path / "export.json"
    tallies = []
    for text, day in [("second", 2), ("first", 1), ("third", 3)]:
        edit = exported_message(1, text, timestampEdited=f"2025-01-0{day}T00:00:00+00:00")
        tallies.append((await run(rooms, write_export(path, [edit]))).tally)

    assert tallies == [Tally(new=1), Tally(unchanged=1), Tally(changed=1)]
    assert await contents(rooms) == {1: "third"}


async def test_an_edit_takes_the_old_vector_away(rooms, tmp_path):
    """When a text changes, its message is found by the new one only."""
    path = write_export(tmp_path / "export.json", [exported_message(1, "apples")])
    await run(rooms, path)
    await rooms.settle()
    edit = exported_message(1, "pears", timestampEdited="2025-01-01T00:00:00+00:00")

    await run(rooms, write_export(path, [edit]))

    assert rooms.mirror.ids(GUILD).tolist() == []
    await rooms.settle()
    assert rooms.mirror.ids(GUILD).tolist() == [1]
    assert rooms.embedder.texts == ["apples", "pears"]


async def test_names_of_channels_follow_the_last_import(rooms, tmp_path):
    """A channel that was renamed is known by the name of the export that came last."""
    for name in ("old", "new"):
        await run(rooms, write_export(tmp_path / "export.json", [], channel={"id": str(CHANNEL), "name": name}))

    assert [channel.name for channel in await rooms.servers.channels(GUILD)] == ["new"]


async def test_progress_rises_to_the_size_of_the_file(rooms, tmp_path):
    """Progress is told in bytes of each file, rising, up to its size."""
    paths = [
        write_export(tmp_path / f"{n}.json", [exported_message(i) for i in range(1, n + 1)])
        for n in (1, 2 * BATCH + 500)
    ]
    told: list[tuple[Path, int]] = []

    await rooms.importer.run(paths, on_progress=lambda path, position: told.append((path, position)))

    small, large = ([position for path, position in told if path == which] for which in paths)
    assert small == [paths[0].stat().st_size]
    assert len(large) == 3
    assert large == sorted(large)
    assert large[-1] == paths[1].stat().st_size


async def test_real_chat_is_stored_to_the_last_message(rooms, shared_data):
    """Forty thousand real messages in eight files are all stored, and a second import finds each of them there."""
    first = await run(rooms, shared_data / "chat-ja")
    second = await run(rooms, shared_data / "chat-ja")

    assert (first.n_files, first.tally, first.refused) == (8, Tally(new=40_000), [])
    assert (second.tally, second.refused) == (Tally(unchanged=40_000), [])
