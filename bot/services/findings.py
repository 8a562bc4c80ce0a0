"""What `doctor` says of this machine and of money: one thing that was looked at each."""

import shlex
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.services.usage import Usage
from bot.storage.connections import LEAST_SQLITE_VERSION, SQLITE_VERSION

_GIB = 2**30
_LEAST_FREE = 1 * _GIB
_LONGEST_LOG = 2 * 64 * 2**20  # twice what it is cut to whenever it begins anew
_OTHERS = 0o077
_OF_ALL, _OF_EACH = "EMBED_MONTHLY_BUDGET_USD", "EMBED_SERVER_BUDGET_USD"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `subject` and `verdict` are keys of the words, which take the values."""

    subject: str
    verdict: str
    is_well: bool
    values: dict[str, object]


def budget(usage: Usage) -> Finding:
    """What the month has cost; a budget that cannot act is none."""
    values = asdict(usage)
    if not usage.is_priced:
        limits = {_OF_ALL: usage.budget_dollars, _OF_EACH: usage.server_budget_dollars}
        idle = [name for name, dollars in limits.items() if dollars is not None]
        values["names"] = ", ".join(idle)
        return Finding("budget", "idle_budget" if idle else "no_price", is_well=not idle, values=values)
    values["n"] = usage.n_spent_servers
    if usage.n_spent_servers and not usage.is_spent:
        return Finding("budget", "spent_servers", is_well=False, values=values)
    if usage.budget_dollars is None:
        verdict = "no_budget" if usage.server_budget_dollars is None else "server_budget"
        return Finding("budget", verdict, is_well=True, values=values)
    verdict = "spent_budget" if usage.is_spent else "near_budget" if usage.is_nearly_spent else "ok_budget"
    return Finding("budget", verdict, is_well=not usage.is_spent, values=values)


def space(database: Path, *, n_bytes: int) -> Finding:
    """Room for what comes, and for a second copy of what there is: a backup, or the vectors of another model."""
    folder = database.parent
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    n_free = shutil.disk_usage(existing).free
    n_wanted = max(_LEAST_FREE, n_bytes)
    values: dict[str, object] = {"path": folder, "free_gib": n_free / _GIB, "wanted_gib": n_wanted / _GIB}
    is_well = n_free >= n_wanted
    return Finding("data_folder", "ok_data_folder" if is_well else "low_space", is_well=is_well, values=values)


def modes(folder: Path) -> Finding:
    """Texts and vectors are for nobody else on this machine to read."""
    files = [path for path in sorted([*folder.glob("bot.*"), *folder.glob("mirror/*/*")]) if _is_open(path)]
    commands = [shlex.join(["chmod", "600", *map(str, files)])] if files else []
    if _is_open(folder):
        commands.insert(0, shlex.join(["chmod", "700", str(folder)]))
    values: dict[str, object] = {"commands": "; ".join(commands)}
    return Finding("modes", "open_modes" if commands else "ok_modes", is_well=not commands, values=values)


def _is_open(path: Path) -> bool:
    with suppress(FileNotFoundError):  # logs and locks come and go beside a running bot
        return bool(path.stat().st_mode & _OTHERS)
    return False


def sqlite() -> Finding:
    is_well = _parts(SQLITE_VERSION) >= _parts(LEAST_SQLITE_VERSION)
    values: dict[str, object] = {"version": SQLITE_VERSION, "least": LEAST_SQLITE_VERSION}
    return Finding("sqlite", "ok_sqlite" if is_well else "old_sqlite", is_well=is_well, values=values)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def log(n_bytes: int) -> Finding:
    is_well = n_bytes <= _LONGEST_LOG
    return Finding("log", "ok_log" if is_well else "long_log", is_well=is_well, values={"mib": n_bytes / 2**20})
