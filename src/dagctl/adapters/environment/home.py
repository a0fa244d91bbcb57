"""Where the dagctl home is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dagctl.domain.errors import FileUnusable


def home_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """The dagctl home: `DAGCTL_HOME`, or `~/.dagctl`.

    Raises:
        FileUnusable: there is no telling where the person's home is.
    """
    try:
        if environ.get("DAGCTL_HOME"):
            return Path(environ["DAGCTL_HOME"]).expanduser().absolute()
        return Path.home() / ".dagctl"
    except RuntimeError:
        raise FileUnusable("This machine does not tell where your home is.", role="home") from None
