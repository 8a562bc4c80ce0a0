"""Files that are given up: overwritten before their place on the disk is free for others.

What writes elsewhere each time, as SSDs and some file systems do, may keep the old blocks for a while all the same.
"""

import os
from pathlib import Path
from typing import BinaryIO

_CHUNK = bytes(2**20)


def wipe_file(path: Path) -> None:
    """Overwrite a file and remove it; where it has another name, and of a link, only this name goes. Raises OSError."""
    if not path.is_symlink() and path.is_file():
        with path.open("r+b") as file:
            if os.fstat(file.fileno()).st_nlink == 1:
                overwrite(file)
    path.unlink(missing_ok=True)


def overwrite(file: BinaryIO) -> None:
    """Put zeros in the place of all that a file holds. Raises OSError."""
    n_left = os.fstat(file.fileno()).st_size
    file.seek(0)
    while n_left:
        n_left -= file.write(_CHUNK[:n_left])
    file.flush()
    os.fsync(file.fileno())
