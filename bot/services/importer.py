"""Brings exported history in: any number of files and folders, each file on its own."""

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bot.errors import ImportFileRefused
from bot.messages import Message
from bot.services.exports import ExportFile, open_export
from bot.services.ingest import Ingest, Tally

_BATCH = 2_000  # messages a commit
_ASSET = re.compile(r"-[A-F0-9]{5}\.json$")  # what the exporter calls files that were attached to messages


@dataclass(slots=True)
class ImportReport:
    """What an import came to."""

    tally: Tally = field(default_factory=Tally)
    n_files: int = 0
    refused: list[ImportFileRefused] = field(default_factory=list)


class Importer:
    """Reads exports into Ingest. Never turns live indexing on, and deletes nothing that an export lacks."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    async def run(
        self, paths: Iterable[Path], *, on_progress: Callable[[Path, int], None] = lambda _path, _bytes: None
    ) -> ImportReport:
        """Import every export among the paths; `on_progress` is told how many bytes of a file have been read.

        A file that cannot be used is named in the report and the others go on; what could be read of it stays.
        """
        report = ImportReport()
        for path in paths:
            try:
                async for tally, position in self._file(path):
                    report.tally += tally
                    on_progress(path, position)
                report.n_files += 1
            except ImportFileRefused as refused:
                report.refused.append(refused)
        return report

    async def _file(self, path: Path) -> AsyncIterator[tuple[Tally, int]]:
        """Store a file batch by batch; the next batch is read while one is written."""
        async with AsyncExitStack() as stack:
            file = await asyncio.to_thread(stack.enter_context, open_export(path))
            export = file.export
            await self._ingest.named(export.server, export.channel)
            batches = _batches(file)
            reading = asyncio.create_task(asyncio.to_thread(next, batches, None))
            try:
                while (batch := await reading) is not None:
                    reading = asyncio.create_task(asyncio.to_thread(next, batches, None))
                    tally = await self._ingest.saved(export.server.guild_id, batch.messages)
                    tally.skipped += batch.unreadable
                    yield tally, batch.position
                    if batch.refused is not None:
                        raise batch.refused
            finally:
                await asyncio.wait([reading])


@dataclass(frozen=True, slots=True)
class _Batch:
    messages: list[Message]
    unreadable: Counter[str]
    position: int
    refused: ImportFileRefused | None


def _batches(file: ExportFile) -> Iterator[_Batch]:
    """What can be read, in batches; the last one says why the rest could not be."""
    values = file.messages()
    refused = None
    while refused is None:
        messages: list[Message] = []
        unreadable: Counter[str] = Counter()
        n_read = 0
        try:
            for value in islice(values, _BATCH):
                n_read += 1
                if isinstance(value, str):
                    unreadable[value] += 1
                else:
                    messages.append(value)
        except ImportFileRefused as error:
            refused = error
        if not n_read and refused is None:
            return
        yield _Batch(messages, unreadable, file.position, refused)


def export_files(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant: those named, and in folders every .json that is no attached file.

    A folder without any stands for itself, to be refused by name.
    """
    files: list[Path] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir raises for names that no file can have
            found = sorted(f for f in path.rglob("*.json") if f.is_file() and not _ASSET.search(f.name))
            files += found or [path]
        else:
            files.append(path)
    return list(dict.fromkeys(files))
