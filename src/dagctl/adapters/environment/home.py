"""Where the dagctl home is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dagctl.domain.errors import FileUnusable


def home_directory(environ: Mapping[str, str] | None = None) -> Path:
    """The dagctl home: `DAGCTL_HOME`, or `~/.dagctl`.

    Args:
        environ: the environment variables; None for this process's.

    Raises:
        FileUnusable: the user's home directory cannot be determined.
    """
    environ = os.environ if environ is None else environ
    named = environ.get("DAGCTL_HOME") or "~/.dagctl"
    try:
        if named == "~" or named.startswith(("~/", "~\\")):
            return (_home_of(environ) / named[2:]).absolute()
        return Path(named).expanduser().absolute()
    except (KeyError, RuntimeError):
        raise FileUnusable("dagctl cannot determine your home directory.", role="home") from None


def _home_of(environ: Mapping[str, str]) -> Path:
    """The user's home directory: `environ` names it, else the system does."""
    if sys.platform == "win32":
        return Path(environ.get("USERPROFILE") or environ["HOMEDRIVE"] + environ["HOMEPATH"])
    if environ.get("HOME"):
        return Path(environ["HOME"])
    import pwd

    return Path(pwd.getpwuid(os.getuid()).pw_dir)
