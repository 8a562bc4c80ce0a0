import ast
import dataclasses
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

import bot
from bot import errors
from bot.errors import (
    AnswerOfAnother,
    BotError,
    EmbeddingError,
    ImportFileRefused,
    KindIsOff,
    SettingsInvalid,
    SnowflakeInvalid,
)
from bot.services.keeping import Kind
from bot.words import LANGUAGES, Words, catalogue, words_for_terminal

BOT = Path(bot.__file__).parent


def flat(texts: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a catalogue with the keys that lead to it."""
    for key, value in texts.items():
        if isinstance(value, str):
            yield (*above, key), value
        else:
            yield from flat(value, (*above, key))


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


TEXTS = {language: dict(flat(catalogue(language))) for language in LANGUAGES}
KEYS = sorted(set().union(*TEXTS.values()))


def classes(of: type[BotError] = BotError) -> list[type[BotError]]:
    """Every error that people can be told."""
    below = [found for direct in of.__subclasses__() for found in [direct, *classes(direct)]]
    return [found for found in below if found.__module__ != "bot.errors.base"]


ERRORS = sorted(classes(), key=lambda error: error.__name__)


def example(hint: Any) -> object:
    """A value of a field's type."""
    if isinstance(hint, UnionType):
        return example(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return ("first", "second")
    values = {int: 7, str: "word", bool: True, float: 1.5, Path: Path("folder/file"), object: "thing"}
    return values[hint]


def made(error: type[BotError]) -> BotError:
    if not dataclasses.is_dataclass(error):
        return error()
    if error is KindIsOff:
        return KindIsOff(Kind.VOICE)
    hints = get_type_hints(error)
    return error(**{field.name: example(hints[field.name]) for field in dataclasses.fields(error)})


def strings(node: ast.AST) -> set[str]:
    """The texts that an expression can come to: a literal, or the two ends of a choice."""
    match node:
        case ast.Constant(value=str(value)):
            return {value}
        case ast.IfExp(body=body, orelse=orelse):
            return strings(body) | strings(orelse)
        case ast.Dict(values=values):
            return set().union(*map(strings, values))
    return set()


def reasons_raised(source: str, error: str, *, position: int, names: tuple[str, ...]) -> set[str]:
    """The reasons that a module gives an error: those written where it is made, and those that `names` hold."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((BOT / source).read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments) if name == error:
                found |= strings(arguments[position])
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                found |= set().union(
                    *(strings(part) for part in ast.walk(value) if isinstance(part, ast.Dict | ast.IfExp))
                )
    return found


# Each reason that the code gives, by module; that each is found is checked below.
REFUSALS = reasons_raised("services/exports.py", "ImportFileRefused", position=1, names=("_BEGINNINGS",))
REFUSALS |= reasons_raised("services/importer.py", "ImportFileRefused", position=1, names=())
CODES = reasons_raised("embedding/openai.py", "EmbeddingError", position=0, names=("_FINAL", "reason"))
CODES |= reasons_raised("embedding/base.py", "EmbeddingError", position=0, names=())
DATASETS = reasons_raised("services/evaluation/datasets.py", "DatasetUnusable", position=1, names=())
IDS = reasons_raised("times.py", "SnowflakeInvalid", position=1, names=())
KEYS_REFUSED = reasons_raised("storage/cipher.py", "DataKeyUnfit", position=1, names=())
CONVERSIONS = reasons_raised("storage/conversion.py", "ConversionFailed", position=1, names=())
CONVERSIONS |= reasons_raised("copying.py", "ConversionFailed", position=1, names=())
FOLDERS = reasons_raised("storage/database.py", "DataFolderUnusable", position=1, names=())


# --- the catalogues


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys(language):
    """Whatever can be said in one language can be said in all of them."""
    assert sorted(TEXTS[language]) == KEYS


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_every_language_puts_the_same_values_in(key):
    """A text has the same placeholders in every language."""
    english, *others = (placeholders(TEXTS[language].get(key, "")) for language in LANGUAGES)

    assert all(other == english for other in others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language):
    """Every text says something."""
    assert not [key for key, text in TEXTS[language].items() if not text.strip()]


def test_the_languages_differ():
    """Nothing was left untranslated: a text of letters and no command is not the same in both languages."""
    english, japanese = TEXTS["en"], TEXTS["ja"]

    same = [key for key in KEYS if english[key] == japanese[key] and key[0] in ("errors", "reasons", "skipped", "age")]
    assert same == []


def test_a_missing_text_is_a_mistake():
    """Asking for a text that does not exist is told at once."""
    with pytest.raises(KeyError):
        Words("en")("errors.NoSuchError")


def test_values_are_put_in():
    """Values are formatted as the text says."""
    assert Words("en")("import.new", n=1_234_567) == "1,234,567 new"


# --- errors


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_words(language, error):
    """Each error becomes a text in each language, made of its own fields and with none left open."""
    instance = made(error)

    text = Words(language).error(instance)

    assert set(placeholders(TEXTS[language]["errors", error.__name__])) <= set(instance.values)
    assert text.strip()
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_b47_who_presses_under_anothers_answer_is_sent_to_no_one_command(language):
    """It may be an answer to any of those that have pages."""
    assert "/" not in Words(language).error(made(AnswerOfAnother))


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_there_for_errors_that_exist(language):
    """No text stands for an error that is gone."""
    told = {key[1] for key in TEXTS[language] if key[0] == "errors"}

    assert told == {error.__name__ for error in ERRORS} | {"Unexpected"}


def test_errors_live_in_one_room():
    """Every error that people can be told is found where errors are."""
    assert {error.__module__.rpartition(".")[0] for error in ERRORS} == {errors.__name__}
    assert {error.__name__ for error in ERRORS} <= set(errors.__all__)


@pytest.mark.parametrize(
    ("found", "some"),
    [
        (
            REFUSALS,
            {"gzip", "zip", "utf16", "html", "empty", "cut", "not_json", "no_file", "not_a_file", "link", "changed"},
        ),
        (
            CODES,
            {"key_refused", "model_unknown", "rate_limited", "server_failed", "timeout", "wrong_shape", "not_finite"},
        ),
        (IDS, {"not_an_integer", "out_of_range", "from_the_future"}),
    ],
    ids=["files", "embeddings", "ids"],
)
def test_the_reasons_are_found_in_the_code(found, some):
    """The search for reasons finds those that are written in each of the ways there are."""
    assert some <= found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words_and_all_words_a_reason(language):
    """Each reason in the code has a text, and no text is for a reason that is not given any more."""
    given = {f"ImportFileRefused.{reason}" for reason in REFUSALS}
    given |= {f"EmbeddingError.{code}" for code in CODES}
    given |= {f"SnowflakeInvalid.{reason}" for reason in IDS}
    given |= {f"DataFolderUnusable.{reason}" for reason in FOLDERS}
    given |= {f"DataKeyUnfit.{reason}" for reason in KEYS_REFUSED}
    given |= {f"ConversionFailed.{reason}" for reason in CONVERSIONS}
    given |= {f"DatasetUnusable.{reason}" for reason in DATASETS}

    assert {key[1] for key in TEXTS[language] if key[0] == "reasons"} == given


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", sorted(REFUSALS))
def test_a_refused_file_is_told_by_its_reason(language, reason):
    """A file that is refused is named with the words of the reason, with the detail where they have room for it."""
    text = Words(language).error(ImportFileRefused(Path("town.json"), reason, detail="byte {5}"))

    assert text.startswith("town.json: ")
    assert reason not in text or "_" not in reason
    assert ("byte {5}" in text) == ("detail" in placeholders(TEXTS[language]["reasons", f"ImportFileRefused.{reason}"]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(CODES))
def test_a_failing_embedder_is_told_by_its_code(language, code):
    """What an embedder fails with is told in words, together with the detail."""
    text = Words(language).error(EmbeddingError(code, "HTTP 418 {teapot}"))

    assert TEXTS[language]["reasons", f"EmbeddingError.{code}"] in text
    assert "HTTP 418 {teapot}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reason_of_a_library_is_told_as_it_is(language):
    """A reason that we have no words for is passed on."""
    text = Words(language).error(errors.StorageFailed("disk I/O {error}"))

    assert "disk I/O {error}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_b12_values_are_plain_data(language):
    """What stands in a value is never taken for a format."""
    text = Words(language).error(SnowflakeInvalid("{0.__class__} %s {detail}", "not_an_integer"))

    assert "{0.__class__} %s {detail}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_b40_each_problem_has_its_line(language):
    """Several problems are told one a line."""
    text = Words(language).error(SettingsInvalid(("A: one", "B: two")))

    assert text.splitlines()[-2:] == ["  A: one", "  B: two"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_skipped_has_words(language):
    """Each reason for which a message is not stored has a text."""
    told = {key[1] for key in TEXTS[language] if key[0] == "skipped"}

    assert told == {"notice", "bot", "own", "too_old", "unwanted", "deleted", "opted_out", "bad_id", "unreadable"} | (
        set(Kind) - {Kind.BOTS}
    )


# --- which language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja"}, "ja"),
        ({"LANG": "JA_JP"}, "ja"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": ""}, "en"),
        ({"LC_MESSAGES": "ja_JP.UTF-8", "LANG": "en_US.UTF-8"}, "ja"),
        ({"LC_ALL": "ja_JP.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LANG": "en_US.UTF-8"}, "ja"),
        ({"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8", "LANG": "ja_JP.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANGUAGE": "ja"}, "en"),
    ],
    ids=str,
)
def test_the_language_of_the_terminal(environment, expected):
    """LC_ALL comes before LC_MESSAGES and LC_MESSAGES before LANG; an unknown language is English."""
    assert words_for_terminal(environment).language == expected


def test_the_language_of_this_terminal(monkeypatch):
    """Without being told otherwise, the words are those of this process's environment."""
    assert words_for_terminal().language == "en"

    monkeypatch.setenv("LANG", "ja_JP.UTF-8")

    assert words_for_terminal().language == "ja"
