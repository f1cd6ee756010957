"""Maildirs as sources: a folder on the disk, or a tar archive of one, such as a backup. A home with a Maildir in it brings its Sieve scripts too."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from services.admin.trouble import ControlError
from services.kernel.mailbox import acl, attributes
from services.kernel.mailbox.scripts import ACTIVE, DIRECTORY, SUFFIX, UNMANAGED
from services.kernel.wire.mailboxes import BLOCK_BYTES, File

BESIDE = ("dovecot-uidlist", "dovecot-keywords", "subscriptions", acl.NAME, attributes.NAME, attributes.SERVER_NAME)
"""Files of a Maildir that are no messages and say something."""
_ORIGINAL = f"{DIRECTORY}/{UNMANAGED}{SUFFIX}"
_ROOTS = ("Maildir", "maildir")


def place_in_tree(path: PurePosixPath) -> str | None:
    """Where a file stands below its Maildir, by its path in an archive or folder; ``None`` for one that does not matter."""
    parts = [part for part in path.parts if part not in (".", "/")]
    for root in _ROOTS:
        if root in parts[:-1]:
            parts = parts[parts.index(root) + 1 :]
            break
    is_message = len(parts) > 1 and parts[-2] in ("cur", "new") and not parts[-1].startswith(".")
    if len(parts) > 1 and parts[-2] == DIRECTORY and parts[-1].endswith(SUFFIX):
        return "/".join(parts[-2:])
    return "/".join(parts) if is_message or (parts and parts[-1] in BESIDE) else None


def active_script(target: str) -> File:
    """What says which script is the active one, by where its link points."""
    return File(ACTIVE, PurePosixPath(target).name.removesuffix(SUFFIX).encode())


def files_of_directory(root: Path) -> Iterator[File]:
    """The files of a Maildir on the disk. Raises ``OSError``."""
    return _with_one_original(_files_of_directory(root))


def files_of_archive(stream: IO[bytes]) -> Iterator[File]:
    """The files of a tar archive, compressed or not, read once from front to end. Raises ``ControlError`` when it is none or damaged."""
    return _with_one_original(_files_of_archive(stream))


def _with_one_original(files: Iterator[File]) -> Iterator[File]:
    """An active script that nobody manages takes a name that another script may have already: the first stays."""
    has_one = is_second = False
    for file in files:
        if file.path == _ORIGINAL and not file.is_more:
            has_one, is_second = True, has_one
        if file.path != _ORIGINAL or not is_second:
            yield file


def _files_of_directory(root: Path) -> Iterator[File]:
    for directory, _, entries in os.walk(root, onerror=_refuse):
        for entry in entries:
            path = Path(directory, entry)
            if entry == ACTIVE and path.is_symlink():
                yield active_script(str(path.readlink()))
            place = place_in_tree(PurePosixPath(path.relative_to(root)))
            if entry == ACTIVE and not path.is_symlink():
                place = _ORIGINAL
                yield active_script(place)
            if place is not None and path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    yield from _blocks(place, file, int(path.stat().st_mtime))


def _files_of_archive(stream: IO[bytes]) -> Iterator[File]:
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for member in archive:
                if member.issym() and PurePosixPath(member.name).name == ACTIVE:
                    yield active_script(member.linkname)
                place = place_in_tree(PurePosixPath(member.name)) if member.isfile() else None
                if member.isfile() and PurePosixPath(member.name).name == ACTIVE:
                    place = _ORIGINAL
                    yield active_script(place)
                file = archive.extractfile(member) if place else None
                if place and file is not None:
                    yield from _blocks(place, file, int(member.mtime))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ControlError(f"the archive cannot be read: {error}") from None


def _blocks(path: str, file: IO[bytes], mtime: int) -> Iterator[File]:
    block = file.read(BLOCK_BYTES)
    is_more = False
    while block or not is_more:
        yield File(path, block, mtime, is_more)
        block, is_more = file.read(BLOCK_BYTES), True


def _refuse(error: OSError) -> None:
    raise error
