"""What the tests of faults may ask for."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.disks import compiled

_ROOM = 512 * 2**20


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where chance begins: another one each time, unless it is given; pytest shows it with a failing test."""
    given = request.config.getoption("--seed")
    chosen = random.randrange(2**32) if given is None else given
    print(f"again with: --seed {chosen}")
    return chosen


@pytest.fixture(scope="session")
def failing_io(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets writes and syncs fail when it is loaded before all others."""
    return compiled("failing_io", tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def jumping_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that sets the wall clock as the file JUMPING_CLOCK says when it is loaded before all others."""
    return compiled("jumping_clock", tmp_path_factory.mktemp("library"))


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, if there is room, for what is not about whether the disk keeps what it was given."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < _ROOM:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)
