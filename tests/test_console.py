"""The chat in the terminal, from a pipe and from a keyboard."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from test_cli import ROOT, bot, rows


def test_a_pipe_works_and_the_sample_is_there_from_the_first_start() -> None:
    """The first start loads the sample; a question finds its like in both languages; the second start loads nothing."""
    first = bot("run", text="/similar my package has not arrived yet\n")
    second = bot("run", text="/help\n/quit\nnever read\n")

    assert (first.returncode, first.stderr) == (0, "")
    assert "loading the sample community" in first.stdout
    assert "荷物が「配達完了」になっているのに届いていません" in first.stdout
    assert "Two weeks and still no sign of my parcel" in first.stdout
    assert "loading the sample" not in second.stdout
    assert "/similar TEXT" in second.stdout
    assert "never read" not in second.stdout


def test_what_is_typed_is_stored_found_and_deleted() -> None:
    """Plain text becomes a message that a question finds at once, and that is gone once deleted."""
    bot("console", text="zebra crossing the road\n\n   \n")
    found = rows(bot("similar", "zebra crossing the road", "--limit", "1", "--json"))[0]
    done = bot("console", text=f"/like {found['message_id']}\n/delete {found['message_id']}\n/similar zebra crossing\n")
    after = rows(bot("similar", "zebra crossing the road", "--limit", "1", "--json"))[0]

    assert found["content"] == "zebra crossing the road"
    assert "Deleted." in done.stdout
    assert "zebra crossing the road" not in done.stdout
    assert after["message_id"] != found["message_id"]


def test_mistakes_are_sentences_and_the_chat_goes_on() -> None:
    """A wrong command, id or empty question is told, and the next line is heard."""
    done = bot("console", text="/nonsense\n/like abc\n/like 5\n/similar\n/delete 5\nstill here\n")

    assert done.returncode == 0
    assert "There is no /nonsense" in done.stdout
    assert "is no Discord id" in done.stderr
    assert done.stderr.count("There is no message 5 that you may see") == 2
    assert "There is no text to compare" in done.stderr
    assert "Stored as" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_stored_text_cannot_act_on_the_terminal() -> None:
    """Escape sequences and direction controls are shown, not obeyed."""
    done = bot("console", text="evil \x1b[31mred\x1b[0m \u202etxt.exe\n/similar evil red\n")

    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "␛[31mred" in done.stdout


def test_a_keyboard_gets_a_prompt_and_ctrl_d_ends(tmp_path: Path) -> None:
    """On a terminal there is a prompt, and the end of input ends the chat with a word."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    command = [sys.executable, "-m", "bot", "console"]
    shown = b""

    def until(expected: bytes) -> None:
        nonlocal shown
        while expected not in shown:
            shown += os.read(ours, 4096)
        shown = shown.partition(expected)[2]

    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            until(b"> ")
            os.write(ours, b"hello there\n")
            until(b"Stored as")
            until(b"> ")
            os.write(ours, b"\x04")
            until(b"Bye.")
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(ours)
