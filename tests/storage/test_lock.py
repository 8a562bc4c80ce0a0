"""One writing process per data folder."""

import multiprocessing
import os
from pathlib import Path

import pytest

from bot.errors import DataFolderInUse, DataFolderUnusable
from bot.storage.lock import writing_to


def hold(folder: Path, connection) -> None:
    with writing_to(folder, "console"):
        connection.send(os.getpid())
        connection.recv()


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock, and how to reach it."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=hold, args=(tmp_path, theirs))
    process.start()
    ours.recv()
    yield process, ours
    process.kill()
    process.join()
    ours.close()
    theirs.close()


def test_b45_a_second_process_is_refused_and_told_who_holds_the_folder(tmp_path: Path, holder) -> None:
    """The error names the process and what it runs."""
    process, _ = holder

    with pytest.raises(DataFolderInUse) as caught, writing_to(tmp_path, "import"):
        pass
    assert (caught.value.path, caught.value.pid, caught.value.verb) == (tmp_path, process.pid, "console")


def test_a_killed_process_holds_nothing(tmp_path: Path, holder) -> None:
    """After SIGKILL the folder can be used at once."""
    process, _ = holder
    process.kill()
    process.join()

    with writing_to(tmp_path, "import"):
        holder_now = (tmp_path / "bot.lock.json").read_text()
    assert f'"pid": {os.getpid()}' in holder_now


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    """Leaving the block frees the folder, also by an exception."""
    with pytest.raises(KeyError), writing_to(tmp_path, "import"):
        raise KeyError
    with writing_to(tmp_path, "import"):
        pass


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """A folder that is not there yet is made with mode 0700, with blanks and other scripts in its name."""
    folder = tmp_path / "データ folder" / "deep"
    with writing_to(folder, "import"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_b40_a_path_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """A file where the folder should be is a problem with a reason."""
    (tmp_path / "file").touch()

    with pytest.raises(DataFolderUnusable), writing_to(tmp_path / "file", "import"):
        pass


@pytest.fixture
def usual_umask():
    """What others usually may do with a new file: read it."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_a_folder_of_the_programs_own_is_closed_to_others(tmp_path: Path) -> None:
    """Git leaves the folder open, with a file and the sample community in it."""
    folder = tmp_path / "data"
    (folder / "sample").mkdir(parents=True)
    (folder / "README.md").touch()
    (folder / "bot.db").touch()
    assert folder.stat().st_mode & 0o777 == 0o755
    with writing_to(folder, "import"):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.glob("bot.lock*")} == {0o600}


@pytest.mark.usefixtures("usual_umask")
def test_a_folder_that_holds_other_things_is_left_as_it_is(tmp_path: Path) -> None:
    """Somebody's home is not closed because the bot was pointed at it; `doctor` tells of it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "letters.txt").touch()
    with writing_to(folder, "import"):
        assert folder.stat().st_mode & 0o777 == 0o755
