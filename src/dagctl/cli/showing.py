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
        help="skip SSL certificate verification (for development; SSL_CERT_FILE=CA.pem is safer)",
    )


def coloured(stream: TextIO) -> bool:
    """Whether to colour: on a terminal or if FORCE_COLOR says so, and never if NO_COLOR does (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") or (os.environ.get("TERM") != "dumb" and stream.isatty())


GOOD, BAD = "32", "1;31"
"""Colours (ECMA-48 section 8.3.117)."""


def marked(stream: TextIO, rules: Mapping[str, str]) -> Callable[[str], str]:
    """A painter: where a line begins with a pattern of `rules`, it colours the pattern's second group.

    It changes nothing if `stream` is not to be coloured.
    """

    def paint(text: str) -> str:
        for pattern, colour in rules.items():
            text = re.sub(f"(?m)^{pattern}", rf"\1\033[{colour}m\2\033[0m", text)
        return text

    return paint if coloured(stream) else str


def expiry(value: datetime | None, now: datetime) -> str:
    """An expiry for people: the local time, and how long it is until then."""
    if value is None:
        return "unknown"
    left = value - now
    if left <= timedelta(0):
        return f"expired {span(-left)} ago"
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z} (in {span(left)})"


def sourced(value: Sourced[Any] | None, *, absent: str = "none") -> str:
    """A value, and where it comes from."""
    return f"{printable(str(value.value))}  ({value.source})" if value is not None else absent


def something(text: str) -> str:
    """The type of an option that takes any text but an empty one."""
    if not text.strip():
        raise ArgumentTypeError("it is empty")
    return text


def tcp_port(text: str) -> int:
    """The type of an option that takes a TCP port; 0 means any free port."""
    if not text.isdecimal() or not int(text) < 65536:
        raise ArgumentTypeError(f"{text!r} is not a TCP port (0 to 65535)")
    return int(text)


def seconds(text: str) -> float:
    """The type of an option that takes a duration in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 31_536_000:
        raise ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value
