"""Files that are given up."""

from pathlib import Path

import pytest

from bot import wiping
from bot.wiping import overwrite, wipe_file


@pytest.mark.parametrize("n_bytes", [0, 1, 2**20, 2**20 + 1, 3 * 2**20 + 7])
def test_every_byte_is_overwritten(tmp_path: Path, n_bytes: int) -> None:
    """A file of any size holds as many zeros afterwards, and nothing else."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * n_bytes)
    with path.open("r+b") as file:
        overwrite(file)

    assert path.read_bytes() == bytes(n_bytes)


def test_a_file_is_overwritten_before_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the name is removed nothing is left of what stood there; what is not there is no failure."""
    path = tmp_path / "file"
    path.write_bytes(b"a secret")
    seen = []
    unlink = Path.unlink

    def watched(self: Path, *, missing_ok: bool = False) -> None:
        seen.append(self.read_bytes())
        unlink(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", watched)
        wipe_file(path)

    assert (seen, path.exists()) == ([bytes(8)], False)
    wipe_file(path)


@pytest.mark.parametrize("second", [Path.hardlink_to, Path.symlink_to], ids=["name", "link"])
def test_what_others_call_by_another_name_stays(tmp_path: Path, second) -> None:
    """A snapshot made of second names, and the file that a link leads to, keep their bytes."""
    path, other = tmp_path / "file", tmp_path / "other"
    other.write_bytes(b"of somebody")
    second(path, other)
    wipe_file(path)

    assert [one.name for one in tmp_path.iterdir()] == ["other"]
    assert other.read_bytes() == b"of somebody"


def test_a_write_that_is_cut_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is written in pieces, whatever their size."""
    monkeypatch.setattr(wiping, "_CHUNK", bytes(3))
    path = tmp_path / "file"
    path.write_bytes(b"a secret")
    with path.open("r+b") as file:
        overwrite(file)

    assert path.read_bytes() == bytes(8)
