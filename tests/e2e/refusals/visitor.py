"""A browser as far as `BROWSER` is concerned: follows the issuer's answer to the loopback listener.

As a program it writes what it saw, its own command line and its parent's, to the file that `VISITOR_NOTES` names.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

BEFORE = "X-Before"
"""A header of the issuer's answer: an address to go to first."""


def follow(url: str, ca_file: str) -> Iterator[tuple[int, str]]:
    """Status and text of each page that comes up."""
    return map(_visit, addresses(url, ca_file))


def addresses(url: str, ca_file: str) -> list[str]:
    """Where the issuer sends whoever comes to `url`."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)
    issuer = http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)
    try:
        issuer.request("GET", f"{parts.path}?{parts.query}")
        answer = issuer.getresponse()
        answer.read()
        return [*(answer.headers.get_all(BEFORE) or []), *(answer.headers.get_all("Location") or [])]
    finally:
        issuer.close()


def _visit(address: str) -> tuple[int, str]:
    parts = urlsplit(address)
    listener = http.client.HTTPConnection(parts.netloc, timeout=120)
    try:
        listener.request("GET", f"{parts.path}?{parts.query}")
        answer = listener.getresponse()
        return answer.status, answer.read().decode()
    finally:
        listener.close()


def _command_line(process: str) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:  # not on Linux
        return ""


def main() -> None:
    """Follow the address on the command line."""
    commands = [_command_line("self"), _command_line(str(os.getppid()))]
    pages = list(follow(sys.argv[1], os.environ["SSL_CERT_FILE"]))
    Path(os.environ["VISITOR_NOTES"]).write_text(json.dumps({"commands": commands, "pages": pages}))


if __name__ == "__main__":
    main()
