"""How the terminal shows things: hits, counts, progress."""

import dataclasses
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from bot.errors import EmbeddingError
from bot.messages import Hit
from bot.services.audit import AuditLine
from bot.services.costs import NO_INDEX, Estimate, ServerCosts
from bot.services.evaluation.metrics import Figure
from bot.services.ingest import Tally
from bot.services.proof import CACHE, MEMORY, Sight
from bot.services.status import Finding, Status
from bot.texts import age, quote
from bot.words import Words

_QUOTE_WIDTH = 200
_NAME_WIDTH = 32
_IF_ANY = frozenset({"unworded"})  # what of a status is told where there is some
_INDEXES = frozenset({"exact", "codes", "lists", NO_INDEX})  # what `auto` chooses among


class Terminal:
    """Standard output for answers, standard error for everything else, in one language."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self.err = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)

    def say(self, key: str, /, **values: object) -> None:
        self.out.print(self.words(key, **values))

    def remark(self, key: str, /, **values: object) -> None:
        self.err.print(self.words(key, **values))

    def hits(self, hits: Sequence[Hit], *, now: datetime) -> None:
        """Hits as Discord will show them: who, where, when, how near, a quote and a link."""
        for place, hit in enumerate(hits, start=1):
            message = hit.message
            unknown = self.words("hit.unknown")
            head = self.words(
                "hit.head",
                author=quote(message.author_name, width=_NAME_WIDTH) or unknown,
                channel=quote(hit.stored.channel_name, width=_NAME_WIDTH) or unknown,
                age=self._age(message.created_at, now),
            )
            quoted = quote(message.shown, width=_QUOTE_WIDTH, start=hit.quoted_from)
            self.out.print(Text.assemble((f"{place:>2}. ", "dim"), (self._nearness(hit), "bold cyan"), f"  {head}"))
            self.out.print(Text(f"    {quoted or self.words('hit.no_text')}"))
            self.out.print(Text(f"    {message.url}", style="dim"))

    def _nearness(self, hit: Hit) -> str:
        if hit.score is None:
            return self.words("nearness.same_words")
        step = "" if hit.nearness is None else f" {self.words(f'nearness.{hit.nearness.name.lower()}')}"
        return f"{hit.score:.2f}{step}"

    def hits_as_json(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            message = hit.message
            self.json(
                {
                    "message_id": str(message.message_id),
                    "guild_id": str(message.guild_id),
                    "channel_id": str(message.channel_id),
                    "author_id": str(message.author_id),
                    "created_at": message.created_at.isoformat(),
                    "score": hit.score,
                    "content": message.content,
                    "url": message.url,
                }
            )

    def tally(self, tally: Tally, *, n_files: int, seconds: float) -> None:
        """What an import stored, and why it left the rest."""
        counts = {"new": tally.new, "changed": tally.changed, "unchanged": tally.unchanged}
        told = [self.words("import.files", n=n_files)]
        told += [self.words(f"import.{key}", n=n) for key, n in counts.items()]
        told.append(self.words("import.skipped", n=tally.skipped.total()))
        if reasons := [f"{n:,} {self.words(f'skipped.{key}')}" for key, n in sorted(tally.skipped.items())]:
            told[-1] += f" ({', '.join(reasons)})"
        self.out.print(", ".join(told))
        self.say("import.rate", seconds=seconds, rate=tally.total / max(seconds, 1e-9))

    def status(self, status: Status) -> None:
        table = Table(Column(), Column(overflow="fold"), show_header=False, box=None, pad_edge=False)
        for key, value in dataclasses.asdict(status).items():
            shown = f"{value / 2**20:,.1f} MiB" if key.endswith("_bytes") else value
            shown = f"{shown:,g}" if isinstance(shown, float) else shown
            if isinstance(shown, int | str) and (value or key not in _IF_ANY):
                table.add_row(self.words(f"status.{key}"), f"{shown:,}" if isinstance(shown, int) else shown)
        for server in status.by_server:
            table.add_row(quote(server.name, width=_NAME_WIDTH) or server.guild_id, self._costs(server))
        for reason, n in status.parked_reasons.items():
            told = self.words("status.damaged") if reason == "damaged" else reason
            table.add_row(self.words("status.parked"), f"{n:,}: {told}")
        self.out.print(table)
        if (former := status.former) is not None:
            n_all = status.embedded + status.pending
            self.say("status.former", former=former.model_key, n=status.embedded, n_all=n_all, model=status.model_key)
        if (retention := status.retention) is not None:
            self.say("status.retention", **dataclasses.asdict(retention))
        if (outage := status.outage) is not None:
            error = self.words.error(EmbeddingError(outage.code, outage.detail))
            self.say("status.outage", error=error, began_at=outage.began_at, next_try_at=outage.next_try_at)
        self._usage(status)
        if status.not_offered:
            self.say("status.not_offered", ids=", ".join(status.not_offered))

    def _usage(self, status: Status) -> None:
        """What the month has cost, where anything was counted."""
        usage, names = status.usage, {server.guild_id: server.name for server in status.by_server}
        if not usage.tokens and usage.budget_dollars is None and usage.server_budget_dollars is None:
            return
        told = dataclasses.asdict(usage)
        self.say("status.usage_unpriced" if usage.dollars is None else "status.usage", **told)
        for one in usage.by_server:
            if one.dollars is not None:
                key = "status.server_usage_free" if one.budget_dollars is None else "status.server_usage"
                shown = self.words(key, **dataclasses.asdict(one), budget=one.budget_dollars)
                self.out.print(f"  {names.get(one.guild_id) or self.words('status.operator')}: {shown}")
        if usage.server_budget_dollars is not None:
            self.say("status.server_budget", budget=usage.server_budget_dollars)
        if usage.n_spent_servers:
            self.say("status.spent_servers", n=usage.n_spent_servers)
        if usage.budget_dollars is not None:
            self.say("status.budget", budget=usage.budget_dollars)
        if usage.is_nearly_spent:
            self.say("status.spent_budget" if usage.is_spent else "status.near_budget")

    def change(self, change: Estimate | None) -> None:
        """What lies ahead where messages are embedded anew, before it is paid for."""
        if change is not None:
            key = "model.work" if change.dollars is None else "model.price"
            self.remark(key, **{**dataclasses.asdict(change), "keep": self.words("model.keep", former=change.former)})

    def _costs(self, server: ServerCosts) -> str:
        values = dataclasses.asdict(server)
        index = self.words(f"engine.{server.index}") if server.index in _INDEXES else server.index
        mib = {"index_mib": server.index_bytes / 2**20, "disk_mib": server.disk_bytes / 2**20}
        return self.words("status.server", **{**values, "index": index}, **mib)

    def finding(self, finding: Finding) -> None:
        mark = Text("✓ ", "green") if finding.is_well else Text("✗ ", "red")
        verdict = self.words(f"doctor.{finding.verdict}", **finding.values)
        self.out.print(Text.assemble(mark, self.words(f"doctor.{finding.subject}"), ": ", verdict))

    def sights(self, sights: Sequence[Sight]) -> None:
        """What was looked for, where, and how much of it is still there."""
        table = Table(*(Column(self.words(f"proof.{key}")) for key in ("subject", "place")), box=None, pad_edge=False)
        for key in ("n", "found"):
            table.add_column(self.words(f"proof.{key}"), justify="right")
        for sight in sights:
            numbers = (f"{sight.n:,}", Text(f"{sight.found:,}", "red" if sight.found else "green"))
            table.add_row(self.words(f"proof.subjects.{sight.subject}"), self._place(sight.place), *numbers)
        self.out.print(table)

    def sights_as_json(self, sights: Sequence[Sight]) -> None:
        for sight in sights:
            self.json({"subject": sight.subject, "place": sight.place, "looked_for": sight.n, "found": sight.found})

    def _place(self, place: str) -> str:
        return self.words(f"proof.{place}") if place in (MEMORY, CACHE) else place

    def purging(self, servers: Sequence[ServerCosts]) -> None:
        """What will go of these servers."""
        for server in servers:
            name = quote(server.name, width=_NAME_WIDTH) or server.guild_id
            self.remark("purge.server", name=name, server=server.guild_id, n=server.messages)

    def audit(self, lines: Sequence[AuditLine]) -> None:
        """Who did what, the newest first."""
        table = Table(show_header=False, box=None, pad_edge=False)
        for line in lines:
            actor = self.words(f"audit.{line.by}") if line.actor_id is None else str(line.actor_id)
            channel = f"#{line.detail.get('channel_id')}"
            act = self.words.act(line.key, **{**line.detail, "channel": channel})
            table.add_row(f"{line.at:%Y-%m-%d %H:%M}", str(line.guild_id), actor, act)
        self.out.print(table)

    def audit_as_json(self, lines: Sequence[AuditLine]) -> None:
        for line in lines:
            actor_id = None if line.actor_id is None else str(line.actor_id)
            told = {"at": line.at, "guild_id": str(line.guild_id), "by": line.by, "actor_id": actor_id}
            self.json({**told, "act": line.act, "detail": dict(line.detail)})

    def json(self, values: dict[str, object]) -> None:
        """One object on a line of its own, whatever the width of the terminal."""
        self.out.file.write(json.dumps(values, ensure_ascii=False, default=datetime.isoformat) + "\n")

    @contextmanager
    def reading(self, paths: Sequence[Path]) -> "Iterator[_Reading]":
        """A progress bar over the bytes of files, when somebody is watching."""
        n_bytes = sum(path.stat().st_size for path in paths if os.path.isfile(path))  # noqa: PTH113  # never raises
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            yield _Reading(progress, self.words("import.storing"), n_bytes)

    @contextmanager
    def steps(self, key: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar over so many of so many, with the words of a key."""
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            task = progress.add_task(self.words(key), total=None)
            yield lambda n_done, n_all: progress.update(task, completed=n_done, total=n_all)

    async def draining(self, steps: AsyncIterator[int], total: int) -> int:
        """A progress bar over texts that get their vectors; how many there were."""
        n_done = 0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            task = progress.add_task(self.words("import.embedding"), total=total)
            async for n in steps:
                n_done += n
                progress.update(task, completed=n_done)
        return n_done

    @contextmanager
    def asking(self) -> Iterator[Callable[[str, int, int], None]]:
        """A progress bar over the questions of a set."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            task = progress.add_task("", total=None)
            yield lambda name, n_done, n_all: progress.update(
                task, description=self.words("eval.asking", dataset=name), completed=n_done, total=n_all
            )

    def figures(self, figures: Sequence[Figure]) -> None:
        """What was measured on a set, systems beside one another."""
        by_metric: dict[str, dict[str, Figure]] = {}
        for figure in figures:
            metric, _, other = figure.metric.partition(" beyond ")
            by_metric.setdefault(metric, {})[f"beyond_{other}" if other else figure.system] = figure
        columns = ("words", "vector", "ours", "beyond_words", "beyond_vector")
        table = Table(figures[0].dataset, *(self.words(f"eval.{column}") for column in columns))
        for metric, cells in by_metric.items():
            table.add_row(metric, *(_cell(cells.get(column)) for column in columns))
        self.out.print(table)
        self.say("eval.legend")

    def _age(self, moment: datetime, now: datetime) -> str:
        n, unit = age(moment, now=now)
        return self.words(f"age.{unit}", n=n) if n else self.words("age.now")


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if figure.metric == "ms":
        return f"{figure.value:.1f} ({figure.low:.1f} - {figure.high:.1f})"
    return f"{figure.value:.3f} ({figure.low:.3f} - {figure.high:.3f})"


class _Reading:
    """Adds up how far several files have been read."""

    def __init__(self, progress: Progress, description: str, n_bytes: int) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=n_bytes)
        self._positions: dict[Path, int] = {}

    def __call__(self, path: Path, position: int) -> None:
        self._positions[path] = position
        self._progress.update(self._task, completed=sum(self._positions.values()))


def utc_now() -> datetime:
    return datetime.now(UTC)
