"""The chat that is measured on: exports as they are, or said again until there are enough."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bot.services.importer import export_files
from bot.texts import embed_text

ROOT = Path(__file__).parents[1]


def default_data() -> list[Path]:
    """Real chat beside the checkout where it is to be had, else the sample."""
    real = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
    folders = [real / "ubuntu-irc-en", real / "chat-ja"]
    return folders if all(folder.is_dir() for folder in folders) else [ROOT / "data" / "sample"]


def written(folder: Path, size: int, data: list[Path]) -> Iterator[Path]:
    """Export files with `size` messages together, said again under later ids where the data have fewer."""
    folder.mkdir()
    sources = [json.loads(path.read_text("utf-8")) for path in export_files(data)]
    n_left, turn = size, 0
    while n_left > 0:
        for number, source in enumerate(sources):
            taken = source["messages"][:n_left]
            for message in taken if turn else ():
                message["id"] = str(int(message["id"]) + 1)
                message["content"] += f" ({turn})"
            n_left -= len(taken)
            path = folder / f"{turn:04}-{number:03}.json"
            path.write_text(json.dumps({**source, "messages": taken}, ensure_ascii=False, indent=2), "utf-8")
            yield path
            if n_left <= 0:
                return
        turn += 1


def mixed_texts(exports: list[Path]) -> list[str]:
    """The texts of the exports in a mixed order, as they are embedded."""
    contents = [m["content"] for path in exports for m in json.loads(path.read_text("utf-8"))["messages"]]
    texts = [text for content in contents if (text := embed_text(content))]
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]
