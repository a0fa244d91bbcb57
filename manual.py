"""Build hooks: the wheel brings manual pages and completion, made from the parser and `docs/reference/`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from argparse_manpage.manpage import Manpage
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SUMMARY = "connect a SQLMesh project to a hosted, managed state database"

COMPLETION = {
    "bash": "share/bash-completion/completions/dagctl",
    "fish": "share/fish/vendor_completions.d/dagctl.fish",
    "zsh": "share/zsh/site-functions/_dagctl",
}
"""Where each shell looks."""

TABLES = {"ENVIRONMENT": "Environment variables", "FILES": "The dagctl home", "EXIT STATUS": "Exit codes"}
"""Sections of each page, and the tables of `settings.md` that are in them."""


class SharedFiles(BuildHookInterface[Any]):
    """Has the pages and the completion installed where `man` and shells look for them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to a wheel; an editable installation needs none."""
        if version == "editable":
            return
        self.folder = TemporaryDirectory()  # what a build leaves in dist/ would be uploaded
        files = {f"share/man/man1/{name}": text for name, text in pages(Path(self.root)).items()}
        files |= {place: completion(Path(self.root), shell) for shell, place in COMPLETION.items()}
        for place, text in files.items():
            made = Path(self.folder.name, Path(place).name)
            made.write_bytes(text.encode())
            build_data["shared_data"][str(made)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what `initialize` wrote."""
        if version != "editable":
            self.folder.cleanup()


class PackageIndexReadme(MetadataHookInterface):
    """The README without links into the repository: a package index has no files for them."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the README."""
        text = Path(self.root, "README.md").read_text("utf-8")
        text = re.sub(r"\[([^]]+)\]\((?!https?:|#)[^)]+\)", r"\1", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def completion(root: Path, shell: str) -> str:
    """What completes dagctl's words in a shell."""
    with _importing(root / "src"):
        from dagctl.cli.commands.completion import shell_code

    code = shell_code(shell).lstrip("\n")
    return code.removeprefix("#compdef dagctl\n") if shell == "bash" else code  # one for two, and `#compdef` is zsh's


def pages(root: Path) -> dict[str, str]:
    """The manual pages in troff, by file name: one for the program, and one for each group of commands.

    Args:
        root: the folder of the repository.
    """
    with _importing(root / "src"), patch.dict(os.environ, {"COLUMNS": "10000", "SOURCE_DATE_EPOCH": "0"}):
        from dagctl.cli.registry import BUILT_IN, GROUPS, Command

        ours = [*BUILT_IN, *(Command(tuple(name.split(".")), module, "") for name, module in _entry_points(root))]
        every = ["dagctl", *(f"dagctl {group}" for group in GROUPS)]
        alone = [command for command in ours if len(command.words) == 1]
        made = {"dagctl": (alone, SUMMARY)}
        for group, summary in GROUPS.items():
            made[f"dagctl {group}"] = ([command for command in ours if command.words[:-1] == (group,)], summary)
        return {
            f"{title.replace(' ', '-')}.1": _page(root, title, summary, commands, every)
            for title, (commands, summary) in made.items()
        }


def _entry_points(root: Path) -> list[tuple[str, str]]:
    """The names and modules of our own commands that are entry points; no metadata says so before it is built."""
    _, _, section = (root / "pyproject.toml").read_text("utf-8").partition('entry-points."dagctl.commands"]\n')
    return re.findall(r'^"(.+)" = "(.+)"$', section.partition("\n[")[0], re.MULTILINE)


@contextmanager
def _importing(source: Path) -> Iterator[None]:
    sys.path.insert(0, str(source))
    try:
        yield
    finally:
        sys.path.remove(str(source))


def _page(root: Path, title: str, summary: str, commands: list[Any], every: list[str]) -> str:
    from dagctl import __version__
    from dagctl.cli.main import build_parser
    from dagctl.cli.registry import Registry

    parser = build_parser(Registry(commands), whole=commands)
    parser.epilog = None
    if " " in title:
        # the group is the parser's one subcommand
        groups: Any = next(action for action in parser._actions if action.dest == "command").choices
        parser = groups[title.split()[1]]
    page = Manpage(parser, format="single-commands-section")
    page.prog, page.description = title.replace(" ", "-"), summary
    page.manual, page.source, page.date = "dagctl", f"dagctl {__version__}", ""
    reference = root / "docs" / "reference"
    page.add_section("examples", ">", _examples(_section(reference / "examples.md", title)))
    for heading, source in TABLES.items():
        page.add_section(heading, ">", _entries(_section(reference / "settings.md", source)))
    others = [other.replace(" ", r"\-") for other in every if other != title]
    page.add_section("see also", ">", ",\n".join(rf"\fB{other}\fR(1)" for other in others))
    return str(page)


def _section(file: Path, title: str) -> str:
    return file.read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0].strip()


def _examples(section: str) -> str:
    """Paragraphs as they are, commands as they are typed."""
    shown = []
    for number, part in enumerate(section.replace("```sh", "```").split("```")):
        text = _troff(part.strip())
        shown.append(f".PP\n.RS 4\n.nf\n{text}\n.fi\n.RE" if number % 2 else f".PP\n{text}" if text else "")
    return "\n".join(filter(None, shown))


def _entries(section: str) -> str:
    """The rows of a table of two columns, without its head."""
    rows = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if line.startswith("|")][2:]
    return "\n".join(f".TP\n{_troff(name)}\n{_troff(what)}" for name, what in rows)


def _troff(markdown: str) -> str:
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", markdown).replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text)
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)
