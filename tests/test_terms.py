"""The words of a text, and its script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terms import as_sought, in_pairs, readable_words, script_of, sought_terms, terms_of, whole_names


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The cat sat.", ["the", "cat", "sat"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("犬", ["犬"]),
        ("안녕하세요", ["안녕", "녕하", "하세", "세요"]),
        ("日本語のC++とError404です", ["日本", "本語", "語の", "c++", "と", "error404", "です"]),
        ("/var/lib/dpkg", ["var/lib/dpkg", "var", "lib", "dpkg"]),
        ("ERR_CONNECTION_REFUSED", ["err_connection_refused", "err", "connection", "refused"]),
        ("node.js 5.10", ["node.js", "node", "js", "5.10", "5", "10"]),
        ("C# and C++", ["c#", "and", "c++"]),
        ("don’t, l'été", ["don't", "don", "l'été", "été"]),
        ("ＡＢＣ ﾃｽﾄ", ["abc", "テス", "スト"]),
        ("Straße", ["strasse"]),
        ("_important_ __init__", ["_important_", "important", "__init__", "init"]),
        ("___", ["___"]),
        ("!!! 😀 ...", []),
        ("", []),
    ],
)
def test_a_text_gives_its_terms(text: str, terms: list[str]) -> None:
    """Words whole, names whole and in parts, pairs of characters where words are not set apart; case and width go."""
    assert terms_of(text) == terms


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("犬", ["犬*"]),
        ("犬 猫", ["犬*", "猫*"]),
        ("犬 散歩", ["犬", "散歩"]),
        ("2020年", ["2020", "年"]),
        ("の", ["の"]),
        ("cat", ["cat"]),
        ("", []),
    ],
)
def test_single_chinese_characters_are_looked_for_by_pairs(question: str, terms: list[str]) -> None:
    """Where a question has nothing else: among others they would say little, and take long."""
    assert sought_terms(question) == terms


def test_pairs_count_as_what_they_were_found_by() -> None:
    """Those that begin with a character that is looked for, and the character by itself; the others stay."""
    assert as_sought([["犬が", "犬", "が犬"], ["cat"]], ["犬*"]) == [["犬*", "犬*", "が犬"], ["cat"]]
    assert as_sought([["犬が", "犬"]], ["犬"]) == [["犬が", "犬"]]


@given(st.text())
def test_no_term_can_be_taken_for_two(text: str) -> None:
    """Of ASCII there is only what the full-text index takes for a part of a term; none is empty."""
    for term in terms_of(text):
        assert term
        assert [c for c in term if c.isascii() and not c.isalnum() and c not in "_'.-/:\\#@+&="] == []


def test_a_text_that_never_ends_gives_so_many_terms() -> None:
    """The longest message gives no more than two thousand, and a long word is cut."""
    assert len(terms_of("a b " * 4_000)) == 2_000
    assert terms_of("x" * 500) == ["x" * 64]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("hello", "latin"),
        ("naïve été", "latin"),
        ("今日は API を見た", "han and kana"),
        ("안녕하세요 hi", "hangul"),
        ("привет всем ok", "cyrillic"),
        ("สวัสดี", "thai"),
        ("مرحبا", "arabic"),
        ("", "latin"),
        ("12 !?", "latin"),
    ],
)
def test_a_text_is_of_the_script_of_most_of_its_letters(text: str, script: str) -> None:
    """What has no letters that are told apart counts as Latin."""
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The ferry leaves at 9:30", ["the", "ferry", "leaves", "at"]),
        ("温泉街を観光した", ["温泉街", "観光"]),
        ("お風呂上がりはビールですよね", ["風呂上", "ビール", "ですよね"]),
        ("こんにちは、美味しいですよね", ["こんにちは", "美味"]),
        ("日々の二段階認証とパスワード", ["日々", "二段階認証", "パスワード"]),
        ("안녕하세요 여러분", ["안녕하세요", "여러분"]),
        ("see https://example.com/a?b=1 and 12 a", ["see", "and"]),
        ("C++ と node.js", ["c++", "node.js", "node", "js"]),
        ("犬 😀", []),
        ("", []),
    ],
)
def test_terms_are_put_together_to_words_that_people_read(text: str, words: list[str]) -> None:
    """Pairs of characters become words again; numbers, addresses and single characters are left out."""
    assert readable_words(terms_of(text)) == words


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see https://example.com/wiki/Fish", ["see", "https://example.com/wiki/fish"]),
        ("run apt-get update, get it", ["run", "apt-get", "update", "get", "it"]),
        ("say say-so", ["say", "say-so"]),
        ("コーヒー", ["コー", "ーヒ", "ヒー"]),
        ("", []),
        ("use node.js no error", ["use", "node.js", "no", "error"]),
    ],
)
def test_names_are_whole_without_their_parts(text: str, names: list[str]) -> None:
    """Two addresses of one site have nothing in common; a word that stands elsewhere as well stays."""
    assert list(whole_names(terms_of(text))) == names


@pytest.mark.parametrize(
    ("text", "are_pairs"), [("赤い魚", True), ("안녕하세요", True), ("red", False), ("рыба", False)]
)
def test_some_scripts_have_pairs_of_characters_for_terms(text: str, are_pairs: bool) -> None:
    """Those that set no spaces between words, or say more by one word than others."""
    assert in_pairs(script_of(text)) is are_pairs
    assert (len(terms_of(text)) > 1) is are_pairs
