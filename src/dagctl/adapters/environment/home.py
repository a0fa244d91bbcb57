"""Where the dagctl home is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dagctl.domain.errors import FileUnusable


def home_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """The dagctl home: `DAGCTL_HOME`, or `~/.dagctl`.

    Raises:
        FileUnusable: the user's home directory cannot be determined.
    """
    try:
        if environ.get("DAGCTL_HOME"):
            return Path(environ["DAGCTL_HOME"]).expanduser().absolute()
        return Path.home() / ".dagctl"
    except RuntimeError:
        raise FileUnusable("dagctl cannot determine your home directory.", role="home") from None
