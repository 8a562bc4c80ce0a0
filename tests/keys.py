"""Keys of databases, and what runs a test without one and with one."""

import pytest

from bot.storage.cipher import DataKey

RAW = "0123456789abcdef" * 4  # needs no derivation, which takes long
KEY, OTHER_KEY = DataKey(RAW), DataKey("fedcba9876543210" * 4)

plain_and_encrypted = pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
