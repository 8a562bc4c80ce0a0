"""Sets as they lie in folders."""

import json
from pathlib import Path

import pytest

from bot.errors import DatasetUnusable
from bot.services.evaluation.datasets import Pair, Pairs, Retrieval, datasets_in


def write(path: Path, *lines: object) -> None:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8")


def write_set(folder: Path, prefix: str = "") -> None:
    write(folder / f"{prefix}docs.jsonl", {"id": "d1", "content": "a cat", "lang": "en"}, {"id": 2, "content": "犬"})
    write(folder / f"{prefix}queries.jsonl", {"id": "q1", "content": "cats"}, {"id": "q2", "content": "nothing"})
    write(folder / f"{prefix}qrels.tsv", "q1\t0\td1\t2", "q2\t0\td1\t0")


def test_a_set_is_read_with_its_grades(tmp_path: Path) -> None:
    """Ids become texts; a grade of 0 makes no relative."""
    write_set(tmp_path, "small.")

    assert datasets_in([tmp_path]) == [
        Retrieval("small", {"d1": "a cat", "2": "犬"}, {"q1": "cats", "q2": "nothing"}, {"q1": {"d1": 2.0}})
    ]


def test_a_set_without_a_name_has_that_of_its_folder(tmp_path: Path) -> None:
    """Pairs are read too: grade, and the two texts."""
    folder = tmp_path / "chat"
    folder.mkdir()
    write_set(folder)
    write(folder / "more.pairs.tsv", "train\t0\t3.5\tone\tother")

    found = datasets_in([folder])
    assert [one.name for one in found] == ["chat", "more"]
    assert found[1] == Pairs("more", (Pair("one", "other", 3.5),))


@pytest.mark.parametrize(
    ("name", "line", "reason", "detail"),
    [
        ("docs.jsonl", "{", "line", "1"),
        ("docs.jsonl", '{"id": "d1"}', "line", "1"),
        ("docs.jsonl", "[1]", "line", "1"),
        ("qrels.tsv", "q1\td1\t1", "line", "1"),
        ("qrels.tsv", "q1\t0\td1\tgood", "line", "1"),
        ("pairs.tsv", "one\tother", "line", "1"),
    ],
)
def test_a_bad_line_is_told_with_its_number(tmp_path: Path, name: str, line: str, reason: str, detail: str) -> None:
    """What cannot be read is refused, not skipped."""
    write_set(tmp_path)
    write(tmp_path / name, line)

    with pytest.raises(DatasetUnusable) as caught:
        datasets_in([tmp_path])
    assert caught.value.values == {"path": tmp_path / name, "reason": reason, "detail": detail}


def test_a_set_without_known_answers_is_told(tmp_path: Path) -> None:
    """Nothing can be measured on questions without relatives, nor on no pairs."""
    write_set(tmp_path)
    write(tmp_path / "qrels.tsv", "q2\t0\td1\t0")
    with pytest.raises(DatasetUnusable) as caught:
        datasets_in([tmp_path])
    assert caught.value.values == {"path": tmp_path / "docs.jsonl", "reason": "no_answers", "detail": ""}

    (tmp_path / "docs.jsonl").unlink()
    write(tmp_path / "pairs.tsv")
    with pytest.raises(DatasetUnusable) as caught:
        datasets_in([tmp_path])
    assert caught.value.values == {"path": tmp_path / "pairs.tsv", "reason": "no_answers", "detail": ""}


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """No folder, a folder without sets, and a set without its questions."""
    for path, reason in ((tmp_path / "none", "no_folder"), (tmp_path, "no_sets")):
        with pytest.raises(DatasetUnusable) as caught:
            datasets_in([path])
        assert caught.value.values == {"path": path, "reason": reason, "detail": ""}

    write(tmp_path / "docs.jsonl", {"id": "d1", "content": "a"})
    with pytest.raises(DatasetUnusable) as caught:
        datasets_in([tmp_path])
    assert caught.value.values["reason"] == "unreadable"
