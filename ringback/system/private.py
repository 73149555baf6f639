"""Private: folders and files that nobody but this user may look into or write to, whoever made them.

A mode given at creation does not hold: the folder may be there already, with the mode, the owner or the contents that
somebody else chose. So each start looks, sets what is ours, and refuses what others may have written.
"""

import errno
import grp
import os
import pwd
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from ringback.schemas.settings import SettingsError

log = structlog.get_logger()

_ROOT: Final = 0
_MOST_LINKS: Final = 40
_MOST_BYTES: Final = 64 * 1024
_NO_FILE: Final = "is not a plain file; look where it comes from, then delete it"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class NotPrivateError(SettingsError):
    """Something is not ours alone. The message names it, and says what to do."""


def own(folder: Path, *, whole: bool = False, user: int | None = None) -> Path:
    """Make the folder if it is not there, set its mode to 0700, and return where it really is.

    `whole`: all that is in it is Ringback's, so what is below is checked and tightened too. `user` is the user id that
    it must belong to, else that of this process. Raises NotPrivateError for what is not ours, or others may have
    written; OSError.
    """
    folder = really(folder, user=user)
    with suppress(FileExistsError):  # what is there may be a file, and then says so below
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wide = exposed(folder, whole=whole, user=user)
    for path in wide:
        with suppress(FileNotFoundError):
            path.chmod(path.lstat().st_mode & ~_OTHERS)
    if wide and any(folder.iterdir()):
        log.warning("folder.tightened", folder=str(folder), paths=len(wide), reason="other local users could read it")
    return folder


def exposed(folder: Path, *, whole: bool = False, user: int | None = None) -> list[Path]:
    """Return what is ours and others may read: the folder, and with `whole` what is below. It changes nothing.

    Raises NotPrivateError where the folder is not ours, or others may have written to what is in it; OSError.
    """
    user = os.geteuid() if user is None else user
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode):
        raise NotPrivateError(f"RINGBACK_DATA_DIR: {folder} is not a folder; name another one")
    _check(folder, seen, user, is_empty=not any(folder.iterdir()))
    wide = [folder] if _is_wide(seen, user) else []
    for path, found in _below(folder) if whole else ():
        _check(path, found, user)
        if not stat.S_ISLNK(found.st_mode) and _is_wide(found, user):
            wide.append(path)
    return wide


def read(file: Path, *, user: int | None = None) -> str | None:
    """Return the text of a file that is believed, without the newline at its end; None if there is no such file.

    Raises NotPrivateError where others may have written the file or put it there.
    """
    user = os.geteuid() if user is None else user
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotPrivateError(f"RINGBACK_DATA_DIR: {file} {_NO_FILE}") from None
        raise NotPrivateError(
            f"RINGBACK_DATA_DIR: {file} cannot be read: {(error.strerror or str(error)).lower()}; run this as the user "
            "that made it, or set RINGBACK_DATA_DIR to another folder"
        ) from None
    try:
        found = os.fstat(descriptor)
        _check(file.parent, file.parent.lstat(), user)
        _check(file, found, user)
        if not stat.S_ISREG(found.st_mode):
            raise NotPrivateError(f"RINGBACK_DATA_DIR: {file} {_NO_FILE}")
        return os.read(descriptor, _MOST_BYTES).decode("utf-8", "replace").removesuffix("\n")
    finally:
        os.close(descriptor)


def write(file: Path, text: str) -> None:
    """Replace a file by a new one that this user alone may read. A link in its place is replaced, never followed.

    Raises OSError.
    """
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(text + "\n")
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def really(path: Path, *, user: int | None = None) -> Path:
    """Return where a path leads, through links of this user's and root's alone. What is not there yet is allowed.

    Raises NotPrivateError at a link of anybody else's: it leads wherever that user wants, now or later.
    """
    user = os.geteuid() if user is None else user
    done, ahead, links = Path("/"), list(path.absolute().parts[1:]), 0
    while ahead:
        part = ahead.pop(0)
        if part == "..":
            done = done.parent
            continue
        step = done / part
        try:
            seen = step.lstat()
        except (FileNotFoundError, NotADirectoryError):
            done = step
            continue
        except OSError as error:
            raise NotPrivateError(
                f"RINGBACK_DATA_DIR: {step} cannot be looked at: {(error.strerror or str(error)).lower()}; "
                "let this user in, or set RINGBACK_DATA_DIR to another folder"
            ) from None
        if not stat.S_ISLNK(seen.st_mode):
            done = step
            continue
        links += 1
        if seen.st_uid not in (user, _ROOT):
            raise NotPrivateError(
                f"RINGBACK_DATA_DIR: {step} is a link of {name_of(seen.st_uid)}'s; name the folder that it leads to, "
                "if you trust that"
            )
        if links > _MOST_LINKS:
            raise NotPrivateError(f"RINGBACK_DATA_DIR: {path} goes round in circles; name a folder")
        target = step.readlink()
        if target.is_absolute():
            done = Path("/")
        ahead[:0] = [part for part in target.parts if part != "/"]
    return done


def may_be_read(file: Path) -> str | None:
    """Return why a file is not ours alone, in words; None where it is, or where there is none."""
    try:
        seen = file.stat()
    except OSError:
        return None
    if seen.st_uid not in (os.geteuid(), _ROOT):
        return f"belongs to {name_of(seen.st_uid)}"
    if _may_be_written(seen):
        return "can be written by other local users"
    return "can be read by other local users" if seen.st_mode & (stat.S_IRGRP | stat.S_IROTH) else None


def name_of(user: int) -> str:
    """Return a user's name, or the number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield what is below a folder, links as such. What goes away meanwhile, or cannot be entered, is left out."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                yield path, path.lstat()


def _check(path: Path, seen: os.stat_result, user: int, *, is_empty: bool = False) -> None:
    """Raise NotPrivateError where others may have written something. An empty folder of ours can be set right."""
    if seen.st_uid not in (user, _ROOT):
        raise NotPrivateError(
            f"RINGBACK_DATA_DIR: {path} belongs to {name_of(seen.st_uid)}, and this runs as {name_of(user)}; run it as "
            f"{name_of(seen.st_uid)}, or set RINGBACK_DATA_DIR to a folder of your own"
        )
    if _may_be_written(seen) and not (is_empty and seen.st_uid == user):
        fix = "" if seen.st_mode & stat.S_ISVTX else "look at it, then chmod -R go= it, or "
        raise NotPrivateError(
            f"RINGBACK_DATA_DIR: others may write to {path}, so what is there may not be yours; "
            f"{fix}set RINGBACK_DATA_DIR to a folder of your own"
        )


def _may_be_written(seen: os.stat_result) -> bool:
    """Whether others may write it. The group counts unless it is this process's own, as that of a private group or of
    a volume in Kubernetes is.
    """
    if stat.S_ISLNK(seen.st_mode):
        return False
    by_group = bool(seen.st_mode & stat.S_IWGRP) and not _is_own_group(seen.st_gid)
    return by_group or bool(seen.st_mode & stat.S_IWOTH)


def _is_own_group(group: int) -> bool:
    """Whether nobody but this user is in the group, as far as can be seen."""
    if group != os.getegid() and group not in os.getgroups():
        return False
    with suppress(KeyError):
        members = set(grp.getgrgid(group).gr_mem)
        return not members - {name_of(os.geteuid())}
    return True


def _is_wide(seen: os.stat_result, user: int) -> bool:
    return seen.st_uid == user and bool(seen.st_mode & _OTHERS)
