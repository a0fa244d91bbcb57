"""Somebody who signs in, as a script: opens the page, fills in the form, follows where it leads.

It is a browser as far as `BROWSER` is concerned::

    BROWSER="python -m dagctl.adapters.sandbox.person %s" dagctl auth login --org acme --api-url …
"""

from __future__ import annotations

import argparse
import ssl
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPSHandler, ProxyHandler, build_opener


def sign_in(url: str, *, ca_file: Path, email: str | None = None, deny: bool = False) -> str:
    """Sign in at `url` as a person would; returns the text of the last page.

    Args:
        ca_file: the CA to trust.
        email: who; the one whom the page suggests where None.
        deny: refuse instead.
    """
    context = ssl.create_default_context(cafile=str(ca_file))
    opener = build_opener(HTTPSHandler(context=context), ProxyHandler({}))
    with opener.open(url, timeout=30) as page:
        form = _Form()
        form.feed(page.read().decode("utf-8"))
        address = page.geturl()
    fields = {**form.fields, "decision": "deny" if deny else "allow", **({"email": email} if email else {})}
    with opener.open(urljoin(address, form.action), urlencode(fields).encode(), timeout=60) as page:
        return str(page.read().decode("utf-8", "replace"))


class _Form(HTMLParser):
    """The fields of a page's form, as they are when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found.get("action", "")
        elif tag == "input" and (found.get("type") != "radio" or "checked" in found):
            self.fields[found.get("name", "")] = found.get("value", "")


def main(argv: Sequence[str] | None = None) -> int:
    """Sign in from the command line."""
    from dagctl.adapters.environment.home import home_directory

    parser = argparse.ArgumentParser(prog="person", description="Sign in to the sandbox as a person would.")
    parser.add_argument("url")
    parser.add_argument("--user", dest="email", metavar="EMAIL", help="who (default: whom the page suggests)")
    parser.add_argument("--deny", action="store_true", help="refuse")
    parser.add_argument("--ca", type=Path, help="the sandbox's CA (default: that of the dagctl home)")
    args = parser.parse_args(argv)
    ca_file = args.ca or home_directory() / "sandbox" / "ca.pem"
    try:
        sign_in(args.url, ca_file=ca_file, email=args.email, deny=args.deny)
    except OSError as error:  # urllib's errors among them
        print(f"The sign-in has failed: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
