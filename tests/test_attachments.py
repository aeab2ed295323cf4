"""What may come with a message: the bytes decide what it is, and the caps are said in a sentence."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.attachments import MAX_ATTACHMENT_BYTES, MAX_FILE_CHARS, Upload, attachment_of, attachments_of
from bot.engine.types import FilePart, ImagePart
from bot.errors import Refused
from tests.pictures import EXE, GIF, HTML, JPEG, LATIN_1, PNG, SVG, UTF_16, WEBP, zipped

CAPS = "At most 4 attachments of 5 MB each: PNG, JPEG, GIF or WebP images, and text files in UTF-8."


@pytest.mark.parametrize(
    ("data", "kind"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
)
def test_an_image_is_known_by_its_first_bytes(data: bytes, kind: str) -> None:
    found = attachment_of("report.txt", data)

    assert found == ImagePart(f"data:{kind};base64,{base64.b64encode(data).decode()}", "report.txt")


@pytest.mark.parametrize("data", [SVG, HTML, b"data:image/png;base64,AAAA", b"MZ and nothing else", b"RIFF of text"])
def test_text_is_text_whatever_it_is_called(data: bytes) -> None:
    assert attachment_of("picture.png", data) == FilePart("picture.png", data.decode())


@pytest.mark.parametrize("data", [EXE, zipped(), UTF_16, LATIN_1, b"\0", b"RIFF\x1a\x00\x00\x00WAVE", PNG[1:]])
def test_what_is_neither_image_nor_text_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        attachment_of("picture.png", data)

    assert refused.value.code == "not_readable"
    assert refused.value.user_message == "picture.png is neither a PNG, JPEG, GIF or WebP image nor text in UTF-8."


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Refused, match=r"^empty\.txt is empty\.$"):
        attachment_of("empty.txt", b"")


@pytest.mark.parametrize("beginning", [PNG, b"text"])
def test_five_megabytes_are_taken_and_one_byte_more_is_not(beginning: bytes) -> None:
    largest = beginning + b"x" * (MAX_ATTACHMENT_BYTES - len(beginning))
    attachment_of("large", largest)

    with pytest.raises(Refused) as refused:
        attachment_of("large", largest + b"x")
    assert refused.value.code == "too_long"
    assert refused.value.user_message == f"large is too large. {CAPS}"


def test_four_are_taken_and_five_are_not() -> None:
    assert len(attachments_of([Upload("a.txt", b"text")] * 4)) == 4

    with pytest.raises(Refused) as refused:
        attachments_of([Upload("a.txt", b"text")] * 5)
    assert refused.value.user_message == f"That is too much at once. {CAPS}"


def test_one_bad_attachment_refuses_them_all() -> None:
    with pytest.raises(Refused, match="bad"):
        attachments_of([Upload("good.txt", b"text"), Upload("bad.zip", zipped())])


def test_of_a_long_file_head_and_tail_are_kept() -> None:
    found = attachment_of("log.txt", b"a" * 100_000 + b"z" * 50_000)

    assert isinstance(found, FilePart)
    assert found.text.startswith("a" * 66_666 + "\n[... 50,001 characters left out here ...]\n")
    assert found.text.endswith("z" * 33_333)


def test_a_known_secret_is_masked_before_anything_is_left_out() -> None:
    text = b"x" * (MAX_FILE_CHARS * 2 // 3 - 4) + b"hunter2-hunter2" + b"y" * MAX_FILE_CHARS

    found = attachment_of("log.txt", text, redact=lambda said: said.replace("hunter2-hunter2", "[secret]"))

    assert isinstance(found, FilePart)
    assert "hunter2" not in found.text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "attachment"),
        ("\n\t ", "attachment"),
        ("a\nb\u202egpj.exe", "a b gpj.exe"),
        ("a\ud800.txt", "a .txt"),
        ("x" * 300 + ".txt", "x" * 196 + ".txt"),
        ("Größe 表.txt", "Größe 表.txt"),
    ],
)
def test_a_name_is_one_short_line_in_which_nothing_hides(name: str, shown: str) -> None:
    assert attachment_of(name, b"text").name == shown


def test_a_byte_order_mark_is_no_text() -> None:
    assert attachment_of("a.txt", b"\xef\xbb\xbfhello") == FilePart("a.txt", "hello")


@given(st.text(max_size=40), st.binary(max_size=200))
def test_whatever_comes_is_an_attachment_or_refused(name: str, data: bytes) -> None:
    try:
        found = attachment_of(name, data)
    except Refused:
        pass
    else:
        body = found.url.partition(",")[2] if isinstance(found, ImagePart) else ""
        assert base64.b64decode(body) == data if body else found == FilePart(found.name, data.decode("utf-8-sig"))
