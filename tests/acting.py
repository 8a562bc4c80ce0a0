"""Discord's markdown, read more strictly than Discord reads it, and texts that try to get past it."""

import re

import regex
from hypothesis import strategies as st

FSI, PDI = "\u2068", "\u2069"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TURNING = regex.compile(f"[{BIDI}]|" + r"(?!\p{Surrogate})[\p{Bidi_Class=R}\p{Bidi_Class=AL}\p{Bidi_Class=AN}]")
FAMILY = "👩\u200d👩\u200d👧\u200d👦"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

graphemes = regex.compile(r"\X").findall

# Discord's markdown, read strictly: more is markup here than there, and it may begin anywhere.
AT_LINE_START = {
    "quote": re.compile(r" *>>?>? ?"),
    "heading": re.compile(r" *#{1,6}\s+\S"),
    "subtext": re.compile(r" *-#"),
    "list": re.compile(r" *(?:[*+-]|\d+\.) "),
}
ANYWHERE = {
    "fence": re.compile(r"```.+?```"),
    "code": re.compile(r"(`+).*?[^`]\1(?!`)"),
    "masked link": re.compile(r"\[[^\]]*\]\("),
    "angles": re.compile(r"<[^>]+>"),
    "link": re.compile(r"[A-Za-z]+:/?/?\S|www\.[\w.-]+/|discord\.gg/"),
    "ping": re.compile(r"@\w"),
    "emoji": re.compile(r":[^\s:]+:"),
    "strong": re.compile(r"\*\*.+?\*\*"),
    "underline": re.compile(r"__.+?__"),
    "emphasis": re.compile(r"\*.+?\*|_.+?_"),
    "strike": re.compile(r"~~.+?~~"),
}
ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
SPOILER = re.compile(r"\|\|(.+?)\|\|")
# Clients look for invites past all escapes.
RAW_LINK = re.compile(r"//|www\.[\w.-]+/|\.(?:gg|com)/")


def unescaped(text):
    return ESCAPE.sub(r"\1", text)


def parsed(text):
    """The markup that acts in a text, and the shown text in runs: outside of spoilers and inside of them."""
    acting, runs, at = [], [("shown", "")], 0
    line_starts = True
    while at < len(text):
        if escape := ESCAPE.match(text, at):
            runs[-1] = (runs[-1][0], runs[-1][1] + escape[1])
            at, line_starts = escape.end(), False
        elif spoiler := SPOILER.match(text, at):
            inner_acting, inner_runs = parsed(spoiler[1])
            acting += inner_acting + ["spoiler in spoiler" for kind, _ in inner_runs if kind == "hidden"]
            runs += [("hidden", "".join(run for _, run in inner_runs)), ("shown", "")]
            at, line_starts = spoiler.end(), False
        else:
            rules = ANYWHERE | AT_LINE_START if line_starts else ANYWHERE
            acting += [name for name, rule in rules.items() if rule.match(text, at)]
            # Some clients take what follows a space for the start of a line.
            line_starts = text[at].isspace() or (line_starts and text[at] in FSI + BIDI)
            runs[-1] = (runs[-1][0], runs[-1][1] + text[at])
            at += 1
    return acting, [run for run in runs if run[1]]


def hidden(text):
    return [run for kind, run in parsed(text)[1] if kind == "hidden"]


def shown(text):
    return "".join(run for kind, run in parsed(text)[1] if kind == "shown")


MARKUP = st.text(st.sampled_from("\\*_~`|<>[]()#-+:@!./ \n1a")) | st.lists(
    st.sampled_from(
        [
            *("||", "**", "__", "~~", "`", "```", "> ", ">>> ", "- ", "1. ", "# ", "-# ", "\n", " ", "a", "b c", "\\"),
            *("[a](https://b.c)", "<@1>", "<@&1>", "<#1>", "</a:1>", "<t:0:R>", "<id:customize>", "<:a:12345>", ":a:"),
            *(
                "<https://a.b>",
                "https://a.b/c",
                "www.discord.gg/a",
                "discord.gg/a",
                "@everyone",
                "<a@b.c>",
                "<+1 23>",
                "<#99>",
                "</a b:1>",
            ),
            *(
                "<id:browse>",
                "[a](<https://b.c>)",
                "[](b.c)",
                "[a][1]",
                "[1]: https://b.c",
                "mailto:a@b.c",
                "steam://run",
            ),
            *(
                "discord.com/channels/1/99/3",
                "#### a",
                "* ",
                "\n\n",
                "```py\n",
                "~~~",
                "|",
                "||a||",
                "__a__",
                "אב",
                "ع٣",
            ),
        ]
    )
).map("".join)
TROUBLE = st.text(
    st.sampled_from(
        "a|*\\ .\n\0\x85\u2028\u3000\u200b\u200d\ufe0f\u3164\u0301\u0600\u0e33가각한👩🏽😀🇯🇵אع٥\ud800\udfff" + BIDI
    )
)
TEXTS = MARKUP | TROUBLE | st.text(st.characters()) | st.lists(MARKUP | TROUBLE).map("||".join)
LONG = st.builds(lambda text, n, end: text * n + end, TEXTS, st.integers(1, 2_000), TEXTS)
