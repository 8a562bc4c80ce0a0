"""The lines of the table, and how they are shown."""

import os
import platform
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    value: float
    unit: str
    wanted: str = ""


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def show(figures: list[Figure]) -> None:
    table = Table(title=machine())
    for heading, justify in (("what", "left"), ("measured", "right"), ("unit", "left"), ("wanted", "left")):
        table.add_column(heading, justify=justify)
    for figure in figures:
        digits = ",.0f" if figure.value >= 100 else ",.2f" if figure.value >= 0.01 else ",.6f"
        table.add_row(figure.what, f"{figure.value:{digits}}", figure.unit, figure.wanted)
    Console().print(table)
