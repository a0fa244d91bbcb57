"""Run a sign-in for somebody whose browser is on another machine: `python elsewhere.py CA COMMAND…`.

They open the address that the command shows, and paste the one at which their browser ends.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPMessage
from pathlib import Path
from typing import IO
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from dagctl.adapters.sandbox import person

ADDRESS = re.compile(r"https://\S+/(?:authorize|activate)\?\S+")


class Stranded(HTTPRedirectHandler):
    """Goes everywhere but back to the machine on which the command listens."""

    address = ""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if newurl.startswith("http://localhost:"):
            self.address = newurl
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def ends_at(url: str, ca_file: Path) -> str:
    """Where the browser ends; '' where a page tells that all is done."""
    browser = Stranded()
    stranding: Callable[..., OpenerDirector] = lambda *more: build_opener(*more, browser)  # noqa: E731
    with patch.object(person, "build_opener", stranding):
        try:
            person.sign_in(url, ca_file=ca_file)
        except HTTPError as error:
            error.close()
    return browser.address


def main(ca_file: str, *command: str) -> int:
    """Run the command, and say what it says."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := ADDRESS.search(line):
                process.stdin.write(f"{ends_at(found[0], Path(ca_file))}\n")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
