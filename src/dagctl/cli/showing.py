"""How values look on a terminal, and options that several commands share."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dagctl.domain.values.text import printable, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from dagctl.domain.values.context import Sourced


def option_insecure(parser: ArgumentParser) -> None:
    """`-k`, as SPEC.md has it."""
    parser.add_argument(
        "-k",
        "--insecure",
        action="store_true",
        help="skip SSL certificate verification (for dev environments; SSL_CERT_FILE=CA.pem is better)",
    )


def coloured(stream: TextIO) -> bool:
    """Whether to colour: on a terminal, or where it is asked for, and never where it is not (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") or (os.environ.get("TERM") != "dumb" and stream.isatty())


GOOD, BAD = "32", "1;31"
"""Colours (ECMA-48 section 8.3.117)."""


def marked(stream: TextIO, rules: Mapping[str, str]) -> Callable[[str], str]:
    """What colours the second group of each pattern where a line begins so; nothing where nothing is coloured."""

    def paint(text: str) -> str:
        for pattern, colour in rules.items():
            text = re.sub(f"(?m)^{pattern}", rf"\1\033[{colour}m\2\033[0m", text)
        return text

    return paint if coloured(stream) else str


def moment(value: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, for records."""
    return value.isoformat(timespec="seconds") if value is not None else None


def expiry(value: datetime | None, now: datetime) -> str:
    """An expiry for people: the local time, and how long until then."""
    if value is None:
        return "unknown"
    left = value - now
    if left <= timedelta(0):
        return f"expired {span(-left)} ago"
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z} (in {span(left)})"


def sourced(value: Sourced[Any] | None, *, absent: str = "none") -> str:
    """A value with where it came from."""
    return f"{printable(str(value.value))}  ({value.source})" if value is not None else absent


def something(text: str) -> str:
    """The type of an option that must not be empty."""
    if not text.strip():
        raise ArgumentTypeError("it is empty")
    return text


def tcp_port(text: str) -> int:
    """The type of an option that is a TCP port; 0 stands for any that is free."""
    if not text.isdecimal() or not int(text) < 65536:
        raise ArgumentTypeError(f"{text!r} is not a TCP port (0 to 65535)")
    return int(text)


def seconds(text: str) -> float:
    """The type of an option that is a time in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 31_536_000:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value
