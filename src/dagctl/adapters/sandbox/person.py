"""A person who signs in, as a script: it opens the page, fills in the form and follows the redirect.

It can stand in `BROWSER`::

    BROWSER="python -m dagctl.adapters.sandbox.person %s" dagctl auth login --org acme --api-url …
"""

from __future__ import annotations

import argparse
import ssl
import sys
from collections.abc import MutableMapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import (
    BaseHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    build_opener,
)


def sign_in(url: str, *, ca_file: Path, email: str | None = None, deny: bool = False) -> str:
    """Sign in at `url` as a person would; returns the text of the last page.

    Args:
        ca_file: the CA to trust.
        email: who signs in; None for the person that the page suggests.
        deny: refuse instead.
    """
    return _signed_in(_opener(ca_file), url, email, deny)


class SignInPage:
    """The sign-in page, for a browser without a listener (`FollowingBrowser`). It remembers nobody."""

    def __init__(self, ca_file: Path) -> None:
        self._opener = _opener(ca_file, _NotFurther())

    def authorize(
        self,
        url: str,
        *,
        email: str | None = None,
        deny: bool = False,
        cookies: MutableMapping[str, str] | None = None,
    ) -> str:
        try:
            _signed_in(self._opener, url, email, deny)
        except HTTPError as error:
            with error:
                if "Location" in error.headers:
                    return str(error.headers["Location"])
                raise
        raise ValueError("The page sent nobody back.")


def _opener(ca_file: Path, *handlers: BaseHandler) -> OpenerDirector:
    context = ssl.create_default_context(cafile=str(ca_file))
    return build_opener(HTTPSHandler(context=context), ProxyHandler({}), *handlers)


class _NotFurther(HTTPRedirectHandler):
    """Follows no redirect: the answer is an `HTTPError`."""

    def redirect_request(self, *request: object) -> None:
        return None


def _signed_in(opener: OpenerDirector, url: str, email: str | None, deny: bool) -> str:
    with opener.open(url, timeout=30) as page:
        form = _Form()
        form.feed(page.read().decode("utf-8"))
        address = page.geturl()
    fields = {**form.fields, "decision": "deny" if deny else "allow", **({"email": email} if email else {})}
    with opener.open(urljoin(address, form.action), urlencode(fields).encode(), timeout=60) as page:
        return str(page.read().decode("utf-8", "replace"))


class _Form(HTMLParser):
    """The fields of a page's form, as the page fills them in."""

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
