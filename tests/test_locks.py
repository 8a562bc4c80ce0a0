"""What is installed is what was looked at: every lock file pins and hashes, and names no place to fetch from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements*.txt"))
PINNED = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==[^\s;]+( ; [^\\]+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(lock: Path) -> list[list[str]]:
    """Each requirement with its hashes: what is one line for the installer, without comments."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", "\n    ").splitlines()
    found: list[list[str]] = []
    for line in filter(str.strip, lines):
        if line[0].isspace():
            found[-1].append(line.strip())
        else:
            found.append([line.strip()])
    return found


def name_of(requirement: str) -> str:
    return re.split(r"[\[=<>!~ ]", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_by_hashes(lock: Path) -> None:
    """One version of each package, with at least one hash, and no option, index, address or path beside them."""
    found = entries(lock)

    assert len(found) > 20
    assert [requirement for requirement, *_ in found if not PINNED.fullmatch(requirement)] == []
    assert [requirement for requirement, *hashes in found if not any(map(HASH.fullmatch, hashes))] == []
    assert [line for _, *hashes in found for line in hashes if not HASH.fullmatch(line)] == []
    assert not re.search(r"://|--(?!hash=)[a-z]|@ ", "\n".join(" ".join(entry) for entry in found))


def test_the_lock_files_agree() -> None:
    """A package has the same versions wherever it is locked; it has two where an older Python needs another."""
    versions: dict[str, set[frozenset[str]]] = {}
    for lock in LOCKS:
        pins = [requirement.partition(" ;")[0] for requirement, *_ in entries(lock)]
        for name in {pin.partition("==")[0] for pin in pins}:
            versions.setdefault(name, set()).add(frozenset(pin for pin in pins if pin.startswith(f"{name}==")))

    assert [name for name, sets in versions.items() if len(sets) > 1] == []


def test_what_the_project_names_is_locked() -> None:
    """Each dependency stands in the lock file of those who need it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-dev.txt": project["project"]["optional-dependencies"]["dev"],
        "requirements-bench.txt": project["project"]["optional-dependencies"]["bench"],
        "requirements-audit.txt": project["dependency-groups"]["audit"],
    }
    assert set(wanted) == {lock.name for lock in LOCKS}
    for lock, needed in wanted.items():
        locked = {name_of(requirement) for requirement, *_ in entries(ROOT / lock)}
        assert {name_of(each) for each in needed} - locked == set()


def test_everything_is_installed_by_its_hashes() -> None:
    """The Makefile installs from lock files only with their hashes required, and audits all of them."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    installing = [line for line in makefile.splitlines() if re.search(r"(\$\(PIP\)|pip .*install) .*-r req", line)]

    assert len(installing) == 4
    assert [line for line in installing if "--require-hashes" not in line] == []
    audit = makefile[makefile.index("audit: ") : makefile.index("lock: ")]
    assert [lock.name for lock in LOCKS if f"-r {lock.name}" not in audit] == []
