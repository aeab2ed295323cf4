"""What a URL or a path in a call's arguments points at, told only where every reader would say the same.

Strict on purpose: whatever some reader might take for another host or folder is not told at all.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata

_URL = re.compile(r"https?://([^/?#:@]+)(:[0-9]{1,5})?(?:/.*)?", re.ASCII | re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_MAX_HOST_CHARS = 253
_known = unicodedata.ucd_3_2_0.category


def host_of(url: str) -> str | None:
    """Give the host of a plain http(s) URL without a port, in ASCII and small letters; None = cannot be told."""
    found = host_and_port(url)
    return found[0] if found and not found[1] else None


def host_and_port(url: str) -> tuple[str, str] | None:
    """Give the host (see `host_of`) and the port as it is written, `:8080` or "".

    None where there is anything odd: a user, a percent sign or an empty label in the host, a host in brackets, a query
    right after it; and blanks, backslashes or invisible characters anywhere.
    """
    if not _is_plain(url) or " " in url:
        return None
    found = _URL.fullmatch(url)
    host = ascii_host(found[1]) if found else None
    return None if found is None or host is None else (host, found[2] or "")


def ascii_host(text: str) -> str | None:
    """Give a host name or IPv4 address in ASCII and small letters; None where it is none, or an ambiguous one."""
    if len(text) > _MAX_HOST_CHARS:
        return None
    labels = [_ascii_label(label) for label in text.split(".")]
    host = ".".join(label or "" for label in labels)
    if None in labels or len(host) > _MAX_HOST_CHARS:
        return None
    return host if is_name(host) or is_address(host) else None


def is_address(host: str) -> bool:
    """Tell whether it is an IPv4 address in its usual form: not `2130706433`, `0x7f.1` or `0177.0.0.1`."""
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


def is_name(host: str) -> bool:
    """Tell whether no reader would take this host for an address: its last label is no number."""
    return not _NUMERIC.fullmatch(host.rpartition(".")[2])


def path_parts(path: str) -> list[str] | None:
    """Give the segments of a plain relative path; None where it is absolute or leads nobody knows where.

    Odd are segments that are empty, end in a dot or begin or end with a blank; backslashes, invisible characters and
    percent escapes; a leading `~` and a drive.
    """
    parts = path.split("/")
    if not _is_plain(path) or _ESCAPED.search(path) or any(map(_is_odd, parts)):
        return None
    return None if parts[0].startswith("~") or ":" in parts[0] else parts


def _is_plain(text: str) -> bool:
    return text.isprintable() and "\\" not in text


def _is_odd(segment: str) -> bool:
    return not segment or segment.endswith(".") or segment != segment.strip()


def _ascii_label(label: str) -> str | None:
    """Give one label in ASCII. What readers map differently (ß, ſ, full-width letters, K for kelvin) gives None."""
    lowered = label.lower()
    if label.isascii():
        return lowered if _LABEL.fullmatch(lowered) else None
    if [char.isascii() for char in label] != [char.isascii() for char in lowered] or not _is_word(lowered):
        return None
    try:
        encoded = lowered.encode("idna")
        is_stable = encoded.decode("idna") == lowered
    except UnicodeError:
        return None
    return encoded.decode("ascii") if is_stable else None


def _is_word(label: str) -> bool:
    """Whether it is of letters, marks, digits and inner hyphens that the first version of IDNA knew already."""
    has_inner_hyphens = label == label.strip("-")
    return has_inner_hyphens and all(char == "-" or _known(char)[0] in "LMN" for char in label)
