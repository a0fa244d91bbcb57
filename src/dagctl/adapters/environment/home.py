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
    try:
        return expanded(Path(environ.get("DAGCTL_HOME") or "~/.dagctl"), environ).expanduser().absolute()
    except RuntimeError:
        raise _unknown() from None


def expanded(path: Path, environ: Mapping[str, str]) -> Path:
    """`path`, in which `~` as the first part stands for the user's home directory. Raises as `home_directory` does."""
    if path.parts[:1] != ("~",):
        return path
    try:
        return _user_home(environ).joinpath(*path.parts[1:])
    except KeyError:
        raise _unknown() from None


def _user_home(environ: Mapping[str, str]) -> Path:
    """The user's home directory: `environ` names it, else the system does."""
    if sys.platform == "win32":
        return Path(environ.get("USERPROFILE") or environ["HOMEDRIVE"] + environ["HOMEPATH"])
    if environ.get("HOME"):
        return Path(environ["HOME"])
    import pwd

    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def _unknown() -> FileUnusable:
    return FileUnusable("dagctl cannot determine your home directory.", role="home")
