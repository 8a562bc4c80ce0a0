"""How much a text says: nothing, too little alone, or enough."""

import re
from functools import lru_cache

import regex

_LONGEST_LITTLE = 40  # bytes: some eight words, or thirteen characters of Chinese or Japanese
_LONGEST_NOTHING = 80  # bytes
_NO_WORDS = regex.compile(
    r"""@\S+ | <?a?:\w+:(?:\d+>)? | \p{Extended_Pictographic} | \p{Emoji_Modifier} | \p{Regional_Indicator}
      | [[\p{P}\p{S}\p{C}\p{Z}\p{M}\s]--[+'’]]""",
    regex.VERBOSE | regex.VERSION1,
)
_WORD = regex.compile(r"[\p{M}'’+]*[\p{L}\p{N}][\p{L}\p{N}\p{M}'’+]*")
_REPEATED = re.compile(r"(.)\1{2,}")
# Assent, refusal, thanks, laughter and wonder, which stand in any conversation. Three letters or more count as one.
# Greetings are not among them: the same one from many accounts is a wave that somebody looks for.
_FILLERS = frozenset(
    """
    k kk +1 ok okay okey okie oki kay yes yeah yea yep yup ya yo ye no nope nah nay aye sure fine right true same this
    thanks thank you so very much a lot thx ty tysm tyvm thanx np yw welcome please pls plz sorry sry nice cool wow
    great good awesome lmao lmfao rofl lel kek lul ah aha oh ooh uh uhh um hm hmm mhm mm eh huh meh ugh oof omg omfg wtf
    wth idk idc ikr imo tbh brb afk gg wp ez rip damn dang yay woo hooray ack indeed exactly agreed lgtm
    ja nein doch danke bitte genau super klar oui non merci mdr ptdr si no gracias vale claro sim nao não obrigado
    obrigada rs да нет ага спасибо спс ок окей лол понял
    はい いいえ うん ううん うーん ええ ああ えっ へー へえ ほう おお おー わー ありがとう ありがとうございます
    ありがとうございました どうも すみません ごめん ごめんなさい 了解 了解です 了解しました りょ なるほど そう そうです
    そうですね そうなんだ だよね 確かに たしかに まじ マジ やばい すごい いいね いいですね
    オッケー おけ 笑 草 爆笑 ですね
    好 好的 是 是的 不 不是 嗯 对 對 谢谢 謝謝 哈 呵 收到
    네 넵 예 아니 아니요 응 감사합니다 고마워 고마워요 헐 대박 ㅇㅇ ㄴㄴ ㅋ ㅎ ㅠ ㅜ ㅇㅋ
    """.split()  # noqa: SIM905  # nearly two hundred words are read as a text, not as a list
)
_LAUGHTER = re.compile(
    r"""ha|heh|a?(?:h[aeiu]){2,}h?|(?:j[aei]){2,}j?|(?:ха)+х?|l[ou]+l(?:[ou]+l)*[sz]?|w+|xd+
      | ㅋ+|ㅎ+|ㅠ+|ㅜ+|草+|笑+|哈+|呵+""",
    re.VERBOSE,
)


def says_nothing(text: str) -> bool:
    """Whether a text has nothing that anybody could look for: no word, or none but "ok" and the like."""
    if not text:
        return True
    if len(text.encode()) > _LONGEST_NOTHING:
        return False
    # Most texts have a plain word of their own, which is quickly seen.
    if any(word.isalnum() and not _is_filler(word) for word in text.split()):
        return False
    return all(map(_is_filler, _WORD.findall(_NO_WORDS.sub(" ", text))))


def says_little(text: str) -> bool:
    """Whether a text is so short that what it answers tells more than it does."""
    return len(text.encode()) <= _LONGEST_LITTLE


@lru_cache(maxsize=10_000)
def _is_filler(word: str) -> bool:
    once = _REPEATED.sub(r"\1", word.casefold())
    return once in _FILLERS or bool(_LAUGHTER.fullmatch(once))
