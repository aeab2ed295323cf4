"""What a docstring says of a function and of its parameters. Pure."""

from __future__ import annotations

import re

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Give the first paragraph and, per parameter, what a Google-style `Args:` section says of it."""
    first = re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0]
    lines = [line.strip() for line in first.splitlines()]
    summary = [] if lines and _SECTION.match(lines[0]) else lines
    return " ".join(summary), _args_section(text)


def _args_section(text: str) -> dict[str, str]:
    described: dict[str, str] = {}
    current, indent, is_inside = "", 0, False
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section or (line.strip() and not line[0].isspace()):
            is_inside, indent = bool(section) and section[1] in ("Args", "Arguments", "Parameters"), 0  # type: ignore[index]
            continue
        if not is_inside or not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        indent = indent or depth
        entry = _ENTRY.match(line.strip())
        if entry and depth <= indent:
            current = entry[1].lstrip("*")
            described[current] = entry[2].strip()
        elif current:
            described[current] = f"{described[current]} {line.strip()}".strip()
    return described
