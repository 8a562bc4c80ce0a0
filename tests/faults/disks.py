"""Disks that fail, fill up, or are watched, for a process that stores."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_CALL = "import sys; from faults.queueing import {name}; {name}(*sys.argv[1:])"


def compiled(name: str, folder: Path) -> Path:
    """A library of this folder, made anew, that takes the place of some of the system's functions."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler `cc` on a Linux machine: failing disks and jumping clocks are not tested")
    library, source = folder / f"{name}.so", _HERE / f"{name}.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def command(name: str, *arguments: object) -> list[str]:
    """What starts a function of faults.queueing in a process of its own."""
    return [sys.executable, "-c", _CALL.format(name=name), *map(str, arguments)]


def environment(preloaded: Path | None = None) -> dict[str, str]:
    """What such a process needs, with a library loaded before all others."""
    modules = os.pathsep.join((str(_HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])))
    return os.environ | {"PYTHONPATH": modules} | ({"LD_PRELOAD": str(preloaded)} if preloaded else {})


class FailingDisk:
    """The library that was loaded before all others, asked from inside the process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)

    def fail_one_in(self, n: int, seed: int) -> None:
        """Have one write or sync in n fail from now on, none where n is 0."""
        self._library.fail_one_in(n, seed & 0xFFFFFFFF)

    @property
    def n_failures(self) -> int:
        return self._library.n_failures()

    @property
    def n_syncs(self) -> int:
        return self._library.n_syncs()


@dataclass(frozen=True)
class FileLimit:
    """No file of this process may grow any more beyond what its largest one has, and a bit."""

    folder: Path
    spare: int

    def fill(self) -> None:
        largest = max(path.stat().st_size for path in self.folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + self.spare, resource.RLIM_INFINITY))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@dataclass(frozen=True)
class FullDisk:
    """A small disk of its own, filled but for a bit."""

    folder: Path
    spare: int

    def fill(self) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            ballast.write(bytes(shutil.disk_usage(self.folder).free - self.spare))

    def free(self) -> None:
        (self.folder / "ballast").unlink()


ROOMS = {"file": FileLimit, "disk": FullDisk}
