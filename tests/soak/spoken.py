"""What people say in the soak test: the texts of exports."""

import json
from pathlib import Path


def texts_of(folder: Path) -> list[str]:
    """The texts of all exports in a folder and below it, in the order in which they were written."""
    said: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*.json")):
        exported = json.loads(path.read_text("utf-8"))
        if isinstance(exported, dict) and isinstance(exported.get("messages"), list):
            said += [(each["timestamp"], each["content"][:2_000]) for each in exported["messages"]]
    return [text for _, text in sorted(said) if text.strip()]
