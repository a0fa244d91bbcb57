"""Run a sign-in for somebody whose browser is on another machine: `python elsewhere.py CA COMMAND…`.

They open the address that the command shows, and paste the one at which their browser ends.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from dagctl.adapters.sandbox.person import SignInPage

ADDRESS = re.compile(r"https://\S+/(?:authorize|activate)\?\S+")


def ends_at(url: str, ca_file: Path) -> str:
    """Where the browser ends; '' where a page tells that all is done."""
    try:
        return SignInPage(ca_file).authorize(url)
    except ValueError:
        return ""


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
