"""Reading a SQLMesh YAML configuration without rendering its Jinja."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.document import YamlDocument


class YamlReader(Protocol):
    """Takes a configuration file apart. YAML is that of ruamel's safe loader (1.2), as it is SQLMesh's."""

    def read(self, text: str, name: str) -> YamlDocument:
        """The document in `text`.

        `YamlDocument.root` is None where Jinja decides on the structure: blocks, comments, whitespace control,
        or an expression at a place where what it renders to could be more than one scalar.

        Args:
            name: the file's name, for messages.

        Raises:
            ConfigProblem: it is no YAML, or no mapping; the message has line and column as the parser gives them.
        """
