"""Which addresses and URLs are the public internet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ToolError
from bot.tools.builtin._public_net import checked_url, is_public

PORTS = frozenset({80, 443})


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.1",
        "192.169.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:7f00:1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_nothing_python_calls_private_is_public(address: object) -> None:
    if is_public(str(address)) and not str(address).startswith(("::ffff:", "64:ff9b:")):
        assert address.is_global  # type: ignore[attr-defined]
        assert not address.is_multicast  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTP://Example.COM:80/a?b=c#d", "http://example.com/a?b=c"),
        ("https://münchen.de/straße", "https://xn--mnchen-3ya.de/stra%C3%9Fe"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://a_b.example.com./", "https://a_b.example.com./"),
        ("https://example.com/@user?mail=a@b", "https://example.com/@user?mail=a@b"),
        ("https://7up.com/", "https://7up.com/"),
    ],
)
def test_good_urls_are_normalised(text: str, url: str) -> None:
    assert str(checked_url(text, PORTS)) == url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://example.com/", "Only http:// and https://"),
        ("file:///etc/passwd", "Only http:// and https://"),
        ("gopher://example.com/", "Only http:// and https://"),
        ("javascript:alert(1)", "Only http:// and https://"),
        ("data:text/html,x", "Only http:// and https://"),
        ("example.com", "Only http:// and https://"),
        ("//example.com/", "Only http:// and https://"),
        ("", "Only http:// and https://"),
        ("http:///x", "no usable host"),
        ("http:example.com", "no usable host"),
        ("http://user@example.com/", "user name or password"),
        ("http://user:pw@example.com/", "user name or password"),
        ("http://@example.com/", "user name or password"),
        ("http://:@example.com/", "user name or password"),
        ("http://example.com:8080/", "Port 8080 is not allowed; only 80, 443 are"),
        ("http://example.com:0/", "Port 0 is not allowed"),
        ("http://example.com:99999/", "not valid"),
        ("http://exam\tple.com/", "invisible"),
        ("http://example.com/\r\nHost: x", "invisible"),
        ("http://exa mple.com/", "blanks"),
        ("http://example.com\\@127.0.0.1/", "backslashes"),
        ("http://example\u200b.com/", "invisible"),
        ("http://2130706433/", "no usable host"),
        ("http://0x7f.1/", "no usable host"),
        ("http://127.1/", "no usable host"),
        ("http://127.0.0.1./", "no usable host"),
        ("http://0177.0.0.1/", "no usable host"),
        ("http://[fe80::1%25eth0]/", "no usable host"),
        ("http://example.com%2f@x/", "user name or password|not valid|no usable host"),
        ("http://" + "a" * 64 + ".com/", "not valid|no usable host"),
        ("http://" + "a." * 130 + "com/", "not valid|no usable host"),
        ("http://example.com/" + "x" * 2048, "too long"),
    ],
)
def test_bad_urls_are_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        checked_url(text, PORTS)


@given(st.text(max_size=60) | st.text(max_size=40).map("http://".__add__))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = checked_url(text, PORTS)
    except ToolError:
        return

    assert url.scheme in ("http", "https")
    assert url.raw_host
    assert url.raw_user is None
