"""Hosts and folders: never met by what some reader might take for another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import PolicyError
from bot.policy.conditions import parse_condition
from bot.policy.targets import ascii_host, host_of, path_parts

PYTHON = "url.host=docs.python.org|.example.org"


def holds(text: str, **arguments: object) -> bool | None:
    return parse_condition(text).holds(arguments)


# --- hosts


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.python.org",
        "https://docs.python.org/",
        "http://docs.python.org/3/library/?q=1#x",
        "HTTPS://DOCS.Python.ORG/x",
        "https://example.org/a@b:c",
        "https://www.example.org",
        "https://a.b.example.org/%2e%2e/ü",
    ],
)
def test_a_plain_url_meets_its_host(url: str) -> None:
    assert holds(PYTHON, url=url) is True


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.python.org.evil.net",
        "https://evil.net/docs.python.org",
        "https://evil.net/?https://docs.python.org",
        "https://www.docs.python.org",
        "https://xdocs.python.org",
        "https://evilexample.org",
        "https://example.org.evil.net/",
        "https://python.org:8080/",
        "https://dоcs.python.org",  # a Cyrillic letter
        "https://127.0.0.1/",
    ],
)
def test_another_host_is_definitely_another_one(url: str) -> None:
    assert holds(PYTHON, url=url) is False


@pytest.mark.parametrize(
    "url",
    [
        "https://evil@docs.python.org",
        "https://docs.python.org@evil.net",
        "https://docs.python.org:443@evil.net",
        "https://docs.python.org:@evil.net/",
        "https://docs.python.org%40evil.net",
        "https://docs.python.org%2eevil.net",
        "http://docs.python.org\\@evil.net",
        "http://evil.net\\@docs.python.org",
        "http://docs.python.org/\\evil.net",
        "https://docs.python.org#@evil.net/",
        "https://docs.python.org?@evil.net/",
        "https://docs.python.org;evil.net/",
        "https://docs.python.org&evil.net/",
        "https://docs.python.org:443/",
        "https://docs.python.org:/",
        "https://docs.python.org:99999999/",
        "https://docs.python.org./",
        "https://.example.org/",
        "https://a..example.org/",
        "https://*.example.org/",
        "https://-a.example.org/",
        "https://a_b.example.org/",
        "https://[docs.python.org]/",
        "https://[::1]/",
        "https:///docs.python.org/",
        "https:/docs.python.org/",
        "https:docs.python.org/",
        "//docs.python.org/",
        "docs.python.org",
        "ftp://docs.python.org/",
        "javascript://docs.python.org/%0aalert(1)",
        "httpſ://docs.python.org/",
        " https://docs.python.org/",
        "https://docs.python.org/ x",
        "https://docs.python.org/\n",
        "https://docs.python.org/\x00",
        "ht\ttps://docs.python.org/",
        "https://docs.py\u200bthon.org/",
        "https://docs.py\u00adthon.org/",
        "\ufeffhttps://docs.python.org/",
        "https://docs.python。org/",
        "https://docs.python．org/",
        "https://docs.python.org／evil.net",
        "https://evil.net／.example.org",
        "https://evil.net℀.example.org",
        "https://ｄocs.python.org/",
        "https://docs.p\u0079thon.or\uff47/",
        "https://ſ.example.org",
        "https://xn--é.example.org",
        "https://-é.example.org",
        "https://faß.example.org",
        "https://ẞ.example.org",
        "https://\u212a.example.org",
        "https://İ.example.org",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://a.1/",
        "https://" + "a" * 64 + ".example.org",
        "https://" + "ü" * 63 + ".example.org",
        "https://" + "a." * 130 + "example.org",
        "https://" + "üüüüüüüüüü." * 20 + "example.org",
        "",
    ],
)
def test_an_odd_url_never_meets_a_host_and_cannot_be_told(url: str) -> None:
    assert holds(PYTHON, url=url) is None
    assert host_of(url) is None


@pytest.mark.parametrize("argument", [None, 5, ["https://docs.python.org"], {"host": "docs.python.org"}])
def test_only_text_has_a_host(argument: object) -> None:
    assert holds(PYTHON, url=argument) is None


def test_hosts_are_compared_as_ascii() -> None:
    condition = parse_condition("url.host=Bücher.example|.ÉCOLE.fr")

    assert str(condition) == "url.host=xn--bcher-kva.example|.xn--cole-9oa.fr"
    assert condition.holds({"url": "https://bücher.example/"}) is True
    assert condition.holds({"url": "https://BÜCHER.example/"}) is True
    assert condition.holds({"url": "https://xn--bcher-kva.example/"}) is True
    assert condition.holds({"url": "https://XN--BCHER-KVA.example/"}) is True
    assert condition.holds({"url": "https://lycée.école.fr/"}) is True
    assert condition.holds({"url": "https://bucher.example/"}) is False


def test_an_address_is_one_host_only_in_its_usual_form() -> None:
    assert holds("url.host=10.0.0.5", url="http://10.0.0.5/x") is True
    assert holds("url.host=10.0.0.5", url="http://10.0.0.50/x") is False
    assert holds("url.host=10.0.0.5", url="http://10.0.5/x") is None


@pytest.mark.parametrize(
    "host",
    [
        "*.example.org",
        "https://example.org",
        "example.org/x",
        "example.org:443",
        "example.org.",
        "..example.org",
        "a..b",
        "a_b.org",
        ".10.0.0.5",
        "0x7f.1",
        ".1",
        "user@example.org",
        "faß.de",
        ".",
    ],
)
def test_what_is_no_plain_host_is_refused(host: str) -> None:
    with pytest.raises(PolicyError, match=r"no host|wildcards"):
        parse_condition(f"url.host={host}")


host_chars = st.text(alphabet=st.sampled_from("aA0-.@:/\\?#[]%_ \t。ß\u200bü"), max_size=12)


@given(before=host_chars, after=host_chars)
def test_nothing_put_around_a_host_turns_it_into_another_one(before: str, after: str) -> None:
    """What meets it is, to the letter, the scheme, the host, and then nothing or a slash."""
    url = f"https://{before}docs.python.org{after}"

    if holds("url.host=docs.python.org", url=url):
        assert before == ""
        assert after == "" or after[0] == "/"


@given(st.text(max_size=20))
def test_an_ascii_host_is_its_own_ascii_form(text: str) -> None:
    host = ascii_host(text)

    if host is not None:
        assert host.isascii()
        assert host == host.lower() == ascii_host(host)


# --- paths


@pytest.mark.parametrize(
    ("path", "met"),
    [
        ("reports/a.csv", True),
        ("reports/2026/a b.csv", True),
        ("reports/.hidden", True),
        ("reports/a..b", True),
        ("Reports/a.csv", False),
        ("reports2/a.csv", False),
        ("reports.csv", False),
        ("other/reports/a.csv", False),
        ("reports", None),
        ("reports/", None),
        ("reports/../secret", None),
        ("reports/..", None),
        ("reports/./a", None),
        ("reports/.. /a", None),
        ("reports/.../a", None),
        ("reports /a", None),
        (" reports/a", None),
        ("reports//a", None),
        ("./reports/a", None),
        ("../reports/a", None),
        ("/reports/a", None),
        ("\\reports\\a", None),
        ("reports/..\\..\\secret", None),
        ("C:/reports/a", None),
        ("~/reports/a", None),
        ("~root/a", None),
        ("reports/%2e%2e/secret", None),
        ("reports/%2F", None),
        ("reports/a\n", None),
        ("reports/a\x00b", None),
        ("reports/\u202ea", None),
        ("", None),
    ],
)
def test_a_path_is_inside_a_folder_only_where_everybody_reads_it_so(path: str, met: bool | None) -> None:
    assert holds("path.under=reports", path=path) is met
    assert holds("path.under=reports/", path=path) is met


def test_a_folder_above_the_one_named_cannot_be_told() -> None:
    assert holds("path.under=a/b", path="a") is None
    assert holds("path.under=a/b", path="c") is False
    assert holds("path.under=a/b", path="a/b/c") is True


@pytest.mark.parametrize("argument", [None, 5, ["reports/a"]])
def test_only_text_is_a_path(argument: object) -> None:
    assert holds("path.under=reports", path=argument) is None


@pytest.mark.parametrize("folder", ["/", "/etc", "..", "a/../b", "a//b", ".", "~", "C:", '"a\\\\b"', '""'])
def test_what_is_no_plain_folder_is_refused(folder: str) -> None:
    with pytest.raises(PolicyError, match="no plain relative folder"):
        parse_condition(f"path.under={folder}")


@given(st.lists(st.sampled_from(["reports", "..", ".", "", "a", "~", "\\", "C:"]), max_size=6).map("/".join))
def test_what_is_inside_a_folder_stays_inside_when_its_dots_are_resolved(path: str) -> None:
    if holds("path.under=reports", path=path):
        assert path.startswith("reports/")
        assert not {"", ".", ".."} & set(path.split("/"))


def test_a_path_is_given_in_its_segments() -> None:
    assert path_parts("a/b/c.txt") == ["a", "b", "c.txt"]
