"""The folder of a room, with real files and real links: there is no way out of it."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine.types import Place
from bot.errors import ToolError
from bot.tools.builtin._room_files import (
    MAX_FILE_BYTES,
    MAX_FILES,
    delete_file,
    folder_name,
    list_files,
    path_parts,
    read_text,
    write_text,
)
from tests.tools.boxes import ROOM


@pytest.fixture
def files_dir(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def room(files_dir: Path) -> Path:
    folder = files_dir / folder_name(ROOM)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.txt"
    file.write_text("outside")
    return file


def paths(files_dir: Path, place: Place = ROOM) -> list[str]:
    return [entry.path for entry in list_files(files_dir, place)]


def test_what_is_written_is_read_listed_and_deleted(files_dir: Path) -> None:
    assert write_text(files_dir, ROOM, "plans/2026/to do.txt", "größer\n") is None
    assert read_text(files_dir, ROOM, "plans/2026/to do.txt") == "größer\n"
    assert paths(files_dir) == ["plans/2026/to do.txt"]

    delete_file(files_dir, ROOM, "plans/2026/to do.txt")

    assert paths(files_dir) == []
    assert list((files_dir / folder_name(ROOM)).iterdir()) == []


def test_writing_again_replaces_and_says_what_was_there(files_dir: Path) -> None:
    write_text(files_dir, ROOM, "a.txt", "12345")

    assert write_text(files_dir, ROOM, "a.txt", "1") == 5
    assert read_text(files_dir, ROOM, "a.txt") == "1"


def test_a_folder_with_other_files_stays_when_one_is_deleted(files_dir: Path) -> None:
    write_text(files_dir, ROOM, "plans/a.txt", "a")
    write_text(files_dir, ROOM, "plans/b.txt", "b")

    delete_file(files_dir, ROOM, "plans/a.txt")

    assert paths(files_dir) == ["plans/b.txt"]


def test_a_thread_shares_the_files_of_its_channel(files_dir: Path) -> None:
    write_text(files_dir, Place("web", "", "general", "t1"), "a.txt", "a")

    assert read_text(files_dir, Place("web", "", "general", "t2"), "a.txt") == "a"


@pytest.mark.parametrize(
    "other",
    [
        Place("web", "", "other"),
        Place("web", "general", ""),
        Place("slack", "", "general"),
        Place("web", "x", "general"),
        Place("web", "", "general/.."),
        Place("web", "", "../general"),
        Place("web", "", "GENERAL"),
    ],
)
def test_another_room_sees_nothing(files_dir: Path, other: Place) -> None:
    write_text(files_dir, ROOM, "a.txt", "a")

    assert paths(files_dir, other) == []
    with pytest.raises(ToolError, match="There is no file"):
        read_text(files_dir, other, "a.txt")


@pytest.mark.parametrize("channel", ["../../x", "/etc", "a\0b", "\ud800", "x" * 500, "", "."])
def test_the_folder_of_any_room_is_one_plain_name(channel: str) -> None:
    name = folder_name(Place("web", "w", channel))

    assert name.isascii()
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name) < 80


ESCAPES = [
    "/etc/passwd",
    "//etc/passwd",
    "..",
    "../secret.txt",
    "a/../../secret.txt",
    "a/..",
    "./a.txt",
    "a/./b.txt",
    "a//b.txt",
    "a/",
    "",
    " ",
    "~/a.txt",
    "~root/a.txt",
    "..\\secret.txt",
    "a\\b.txt",
    "C:\\a.txt",
    "C:a.txt",
    "a.txt:stream",
    "a.txt\x00.png",
    "a\nb.txt",
    "a\u202etxt.exe",
    "a\u200b.txt",
    ".hidden",
    ".nod-0123",
    "a/.git/config",
    "a.txt.",
    "a.txt ",
    " a.txt",
    "a./b.txt",
    "con",
    "NUL",
    "nul.txt",
    "a/COM1.log",
    "LPT¹",
    "CONIN$",
    "what?.txt",
    "a|b",
    "<a>",
    "x" * 121,
    "ä" * 61,
    "a/b/c/d/e/f/g/h/i.txt",
    "../" * 50 + "etc/passwd",
]


@pytest.mark.parametrize("path", ESCAPES, ids=ascii)
def test_paths_that_could_mean_another_place_are_refused(files_dir: Path, secret: Path, path: str) -> None:
    for use in (read_text, delete_file):
        with pytest.raises(ToolError, match="cannot be used: ") as caught:
            use(files_dir, ROOM, path)
        assert caught.value.user_message.isascii()
    with pytest.raises(ToolError, match="cannot be used: "):
        write_text(files_dir, ROOM, path, "x")

    assert secret.read_text() == "outside"


pieces = st.sampled_from(
    ["..", ".", "/", "\\", "a", "secret.txt", "~", "\x00", " ", "link", "…", "．．", "%2e%2e", "sub"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(pieces, min_size=1, max_size=8).map("".join) | st.text(min_size=1, max_size=40))
def test_no_path_reaches_anything_outside(room: Path, files_dir: Path, secret: Path, path: str) -> None:
    link = room / "link"
    if not link.is_symlink():
        link.symlink_to(secret.parent)
        (room / "sub").mkdir()
        (room / "sub" / "link").symlink_to(secret)

    for use in (lambda: write_text(files_dir, ROOM, path, "inside"), lambda: delete_file(files_dir, ROOM, path)):
        try:
            use()
        except ToolError:
            continue

    assert secret.read_text() == "outside"
    assert sorted(file.name for file in secret.parent.iterdir()) == ["files", "secret.txt"]
    assert [folder.name for folder in files_dir.iterdir()] == [room.name]


@given(st.text(max_size=60))
def test_accepted_paths_are_plain_names(path: str) -> None:
    try:
        parts = path_parts(path)
    except ToolError:
        return

    assert "/".join(parts) == path
    assert os.path.normpath(path) == path
    assert not os.path.isabs(path)


# --- links ---


@pytest.mark.parametrize("target", ["absolute", "relative"])
def test_a_linked_file_is_neither_read_nor_listed(room: Path, files_dir: Path, secret: Path, target: str) -> None:
    (room / "a.txt").symlink_to(secret if target == "absolute" else Path("../../secret.txt"))

    with pytest.raises(ToolError, match="is not a file that can be read"):
        read_text(files_dir, ROOM, "a.txt")
    assert paths(files_dir) == []


def test_a_linked_file_is_neither_written_nor_deleted(room: Path, files_dir: Path, secret: Path) -> None:
    (room / "a.txt").symlink_to(secret)

    with pytest.raises(ToolError, match="is not a file"):
        write_text(files_dir, ROOM, "a.txt", "x")
    with pytest.raises(ToolError, match="is not a file"):
        delete_file(files_dir, ROOM, "a.txt")
    assert secret.read_text() == "outside"


def test_a_linked_folder_is_not_entered(room: Path, files_dir: Path, secret: Path) -> None:
    (room / "sub").symlink_to(secret.parent)

    with pytest.raises(ToolError, match=r"'sub' in 'sub/secret\.txt' is not a folder"):
        read_text(files_dir, ROOM, "sub/secret.txt")
    with pytest.raises(ToolError, match="is not a folder"):
        write_text(files_dir, ROOM, "sub/new.txt", "x")
    with pytest.raises(ToolError, match="is not a folder"):
        delete_file(files_dir, ROOM, "sub/secret.txt")
    assert paths(files_dir) == []
    assert sorted(file.name for file in secret.parent.iterdir()) == ["files", "secret.txt"]


def test_a_room_that_is_a_link_is_refused(files_dir: Path, secret: Path) -> None:
    files_dir.mkdir()
    (files_dir / folder_name(ROOM)).symlink_to(secret.parent)

    with pytest.raises(ToolError, match="cannot be opened"):
        read_text(files_dir, ROOM, "secret.txt")


def test_the_operator_may_link_the_whole_files_folder(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "disk")

    write_text(tmp_path / "linked", ROOM, "a.txt", "a")

    assert (tmp_path / "disk" / folder_name(ROOM) / "a.txt").read_text() == "a"


def test_a_folder_swapped_for_a_link_meanwhile_is_never_followed(room: Path, files_dir: Path, secret: Path) -> None:
    (room / "link").symlink_to(secret.parent)
    write_text(files_dir, ROOM, "sub/secret.txt", "inside")
    is_over = threading.Event()

    def move(source: str, target: str) -> None:
        with suppress(OSError):
            os.rename(room / source, room / target)

    def swap() -> None:
        while not is_over.is_set():
            shutil.rmtree(room / "aside", ignore_errors=True)
            move("sub", "aside")
            move("link", "sub")
            move("sub", "link")
            move("aside", "sub")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: set[str] = set()
    for _ in range(300):
        try:
            seen.add(read_text(files_dir, ROOM, "sub/secret.txt"))
        except ToolError:
            seen.add("refused")
        with suppress(ToolError):
            write_text(files_dir, ROOM, "sub/secret.txt", "inside")
    is_over.set()
    swapper.join()

    assert "outside" not in seen
    assert secret.read_text() == "outside"


# --- things that are no text files ---


def test_a_pipe_does_not_keep_the_reader_waiting(room: Path, files_dir: Path) -> None:
    os.mkfifo(room / "pipe")

    with pytest.raises(ToolError, match="is not a file"):
        read_text(files_dir, ROOM, "pipe")
    with pytest.raises(ToolError, match="is not a file"):
        write_text(files_dir, ROOM, "pipe", "x")
    assert paths(files_dir) == []


def test_a_folder_is_no_file(files_dir: Path) -> None:
    write_text(files_dir, ROOM, "sub/a.txt", "a")

    for use in (read_text, delete_file):
        with pytest.raises(ToolError, match="is not a file"):
            use(files_dir, ROOM, "sub")
    with pytest.raises(ToolError, match="is not a file"):
        write_text(files_dir, ROOM, "sub", "x")
    with pytest.raises(ToolError, match="is not a folder"):
        write_text(files_dir, ROOM, "sub/a.txt/b.txt", "x")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\xff", b"caf\xe9", b"a\x00b"])
def test_binary_files_are_said_to_be_no_text(room: Path, files_dir: Path, content: bytes) -> None:
    (room / "a.bin").write_bytes(content)

    with pytest.raises(ToolError, match="text and cannot be read"):
        read_text(files_dir, ROOM, "a.bin")


def test_a_byte_order_mark_is_no_text(room: Path, files_dir: Path) -> None:
    (room / "a.txt").write_bytes(b"\xef\xbb\xbfhello")

    assert read_text(files_dir, ROOM, "a.txt") == "hello"


# --- limits ---


def test_a_file_of_exactly_the_limit_fits(files_dir: Path) -> None:
    write_text(files_dir, ROOM, "a.txt", "x" * MAX_FILE_BYTES)

    assert len(read_text(files_dir, ROOM, "a.txt")) == MAX_FILE_BYTES
    with pytest.raises(ToolError, match="at most 1,000,000 bytes"):
        write_text(files_dir, ROOM, "a.txt", "ä" * (MAX_FILE_BYTES // 2) + "x")


def test_a_larger_file_put_there_by_somebody_is_not_read(room: Path, files_dir: Path) -> None:
    (room / "big.txt").write_bytes(b"x" * (MAX_FILE_BYTES + 1))

    with pytest.raises(ToolError, match="larger than 1,000,000 bytes"):
        read_text(files_dir, ROOM, "big.txt")


def test_a_full_room_takes_no_new_file_but_changes_old_ones(room: Path, files_dir: Path) -> None:
    for number in range(MAX_FILES):
        (room / f"{number}.txt").write_text("x")

    with pytest.raises(ToolError, match="at most 1000 files"):
        write_text(files_dir, ROOM, "new.txt", "x")
    assert write_text(files_dir, ROOM, "0.txt", "y") == 1
    delete_file(files_dir, ROOM, "1.txt")
    assert write_text(files_dir, ROOM, "new.txt", "x") is None


def test_a_failed_write_leaves_the_old_file_and_no_scraps(room: Path, files_dir: Path) -> None:
    (room / "a.txt").write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_text(files_dir, ROOM, "a.txt", "\ud800")

    assert [(file.name, file.read_text()) for file in room.iterdir()] == [("a.txt", "old")]


def test_readers_see_the_old_or_the_new_text_never_half(files_dir: Path) -> None:
    old, new = "a" * 200_000, "b" * 200_000
    write_text(files_dir, ROOM, "a.txt", old)
    seen: set[str] = set()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            seen.add(read_text(files_dir, ROOM, "a.txt"))

    reader = threading.Thread(target=read)
    reader.start()
    for text in [new, old] * 10:
        write_text(files_dir, ROOM, "a.txt", text)
    is_over.set()
    reader.join()

    assert seen <= {old, new}
