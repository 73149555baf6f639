"""What others may do with files and folders."""

import stat
from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    """Return what others may do with a folder and all that is below it."""
    return {str(path.relative_to(folder)): mode(path) & 0o077 for path in (folder, *folder.rglob("*"))}
