"""The folder of one room, and the only way into it.

Every path is walked component by component from the room's own folder descriptor, never following a link: what a name
was checked to be is what is opened, even when somebody swaps it in between.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bot.engine.types import Place
from bot.errors import ToolError
from bot.tools.context import ToolContext

MAX_FILE_BYTES = 1_000_000
MAX_FILES = 1000
_MAX_DEPTH = 8
_MAX_NAME_BYTES = 120
_TEMPORARY = ".nod-"
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_changing = threading.Lock()


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a room. `modified_s` is seconds since 1970."""

    path: str
    size_bytes: int
    modified_s: float


def path_parts(path: str) -> tuple[str, ...]:
    """Give the components of a relative path. Raises `ToolError` for anything that could mean another place."""
    if path.startswith(("/", "~")) or "\\" in path:
        _refuse(path, "use a relative path with / between folders, for example plans/todo.txt")
    parts = tuple(path.split("/"))
    if len(parts) > _MAX_DEPTH:
        _refuse(path, f"at most {_MAX_DEPTH} levels are allowed")
    for part in parts:
        _check_name(path, part)
    return parts


def check_path(context: ToolContext, path: str, **_: object) -> None:
    """The `check` of the tools that take a path: its form only, no look at the disk."""
    path_parts(path)


def _check_name(path: str, part: str) -> None:
    if part in ("", ".", ".."):
        _refuse(path, "empty names, '.' and '..' are not allowed")
    if part.startswith(".") or part.endswith(".") or part != part.strip():
        _refuse(path, "names must not begin or end with a dot or a blank")
    if not part.isprintable() or any(letter in part for letter in ':*?"<>|'):
        _refuse(path, 'names must not hold invisible characters or any of : * ? " < > |')
    if _DEVICE.fullmatch(part):
        _refuse(path, "this is the name of a device")
    if len(part.encode()) > _MAX_NAME_BYTES:
        _refuse(path, f"names have at most {_MAX_NAME_BYTES} bytes")


def _refuse(path: str, why: str) -> NoReturn:
    raise ToolError(f"The path {path[:100]!a} cannot be used: {why}.")


def folder_name(place: Place) -> str:
    """Give the folder of a room: readable, and different for every room."""
    room = place.room
    identity = "\0".join((room.platform, room.workspace, room.channel))
    readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{room.platform}-{room.channel}").strip("-")[:40]
    return f"{readable}-{hashlib.sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def list_files(files_dir: Path, place: Place) -> list[FileEntry]:
    """Give every file of the room, by path. Links and other things that are no files are left out."""
    with _room(files_dir, place) as room:
        return sorted(_entries(room, ""), key=lambda entry: entry.path)


def read_text(files_dir: Path, place: Place, path: str) -> str:
    """Give the text of a file. Raises `ToolError` when there is none, or it is no UTF-8 text."""
    parts = path_parts(path)
    with _room(files_dir, place) as room, _folder(room, parts, path) as folder:
        content = _read(folder, parts[-1], path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise ToolError(f"The file {path!r} is not UTF-8 text and cannot be read.") from err
    if "\x00" in text:
        raise ToolError(f"The file {path!r} is not text and cannot be read.")
    return text


def write_text(files_dir: Path, place: Place, path: str, text: str) -> int | None:
    """Put `text` into a file in one step and give the size of what it replaced, None for a new file."""
    parts = path_parts(path)
    content = text.encode()
    if len(content) > MAX_FILE_BYTES:
        raise ToolError(f"The text is too long: a file holds at most {MAX_FILE_BYTES:,} bytes.")
    with _changing, _room(files_dir, place) as room:
        count = sum(1 for _ in _entries(room, ""))
        with _folder(room, parts, path, is_made=True) as folder:
            before = _size(folder, parts[-1], path)
            if before is None and count >= MAX_FILES:
                raise ToolError(f"There is no room for another file: at most {MAX_FILES} files are kept here.")
            _replace(folder, parts[-1], content)
            return before


def delete_file(files_dir: Path, place: Place, path: str) -> None:
    """Delete a file, and the folders it leaves empty. Raises `ToolError` when there is none."""
    parts = path_parts(path)
    with _changing, _room(files_dir, place) as room:
        with _folder(room, parts, path) as folder:
            if _size(folder, parts[-1], path) is None:
                raise _missing(path)
            os.unlink(parts[-1], dir_fd=folder)
        for depth in range(len(parts) - 1, 0, -1):
            with suppress(OSError), _folder(room, parts[:depth], path) as parent:
                os.rmdir(parts[depth - 1], dir_fd=parent)


# --- descriptors ---


@contextmanager
def _opened(name: str, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _room(files_dir: Path, place: Place) -> Iterator[int]:
    name = folder_name(place)
    try:
        files_dir.mkdir(parents=True, exist_ok=True)
        # the operator may link files_dir itself to another disk; nothing below it may be a link
        with _opened(str(files_dir), _FOLDER_FLAGS & ~os.O_NOFOLLOW) as top:
            with suppress(FileExistsError):
                os.mkdir(name, 0o750, dir_fd=top)
            room = os.open(name, _FOLDER_FLAGS, dir_fd=top)
    except OSError as err:
        raise ToolError(f"The files of this channel cannot be opened ({err.strerror}).") from err
    try:
        yield room
    except OSError as err:
        raise ToolError(f"The file could not be used ({err.strerror}).") from err
    finally:
        os.close(room)


@contextmanager
def _folder(room: int, parts: tuple[str, ...], path: str, *, is_made: bool = False) -> Iterator[int]:
    """Open the folder that holds the last of `parts`, one component at a time."""
    current = os.dup(room)
    try:
        for part in parts[:-1]:
            if is_made:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o750, dir_fd=current)
            inner = _open_folder(current, part, path)
            os.close(current)
            current = inner
        yield current
    finally:
        os.close(current)


def _open_folder(parent: int, name: str, path: str) -> int:
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError:  # a link or a file stands where a folder should be
        raise ToolError(f"{name!r} in {path!r} is not a folder.") from None


def _missing(path: str) -> ToolError:
    return ToolError(f"There is no file {path!r} here. Use files_list to see the files.")


def _size(folder: int, name: str, path: str) -> int | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise ToolError(f"{path!r} is not a file.")
    return found.st_size


def _read(folder: int, name: str, path: str) -> bytes:
    # O_NONBLOCK: a pipe of this name must not keep us waiting
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError:
        raise ToolError(f"{path!r} is not a file that can be read.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ToolError(f"{path!r} is not a file.")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_FILE_BYTES:
        raise ToolError(f"The file {path!r} is larger than {MAX_FILE_BYTES:,} bytes and cannot be read.")
    return content


def _replace(folder: int, name: str, content: bytes) -> None:
    temporary = _TEMPORARY + secrets.token_hex(8)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o640, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _entries(folder: int, prefix: str, depth: int = 1) -> Iterator[FileEntry]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith("."):
                continue
            if entry.is_file(follow_symlinks=False):
                known = entry.stat(follow_symlinks=False)
                yield FileEntry(prefix + entry.name, known.st_size, known.st_mtime)
            elif depth < _MAX_DEPTH and entry.is_dir(follow_symlinks=False):
                with suppress(FileNotFoundError), _opened(entry.name, _FOLDER_FLAGS, folder) as inner:
                    yield from _entries(inner, f"{prefix}{entry.name}/", depth + 1)
