"""A build hook: the wheel brings `man dagctl`, made from the parser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from argparse_manpage.manpage import Manpage
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SUMMARY = "connect a SQLMesh project to a hosted, managed state database"


class ManualPage(BuildHookInterface[Any]):
    """Writes the page and has it installed where `man` looks for it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the page to a wheel; an editable installation needs none."""
        if version == "editable":
            return
        page = Path(self.directory) / "dagctl.1"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(manual(Path(self.root) / "src"), "utf-8")
        build_data["shared_data"][str(page)] = "share/man/man1/dagctl.1"


def manual(source: Path) -> str:
    """The page, in troff.

    Args:
        source: the folder that holds the package.
    """
    sys.path.insert(0, str(source))
    try:
        from dagctl import __version__
        from dagctl.cli.main import build_parser
        from dagctl.cli.registry import Registry

        page = Manpage(build_parser(Registry(), whole=True), format="single-commands-section")
        page.manual, page.source = "dagctl", f"dagctl {__version__}"
        return str(page).replace(".SH NAME\ndagctl\n", f".SH NAME\ndagctl \\- {SUMMARY}\n")
    finally:
        sys.path.remove(str(source))
