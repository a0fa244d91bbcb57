"""Reading a SQLMesh YAML configuration without rendering its Jinja."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.document import YamlDocument


class YamlReader(Protocol):
    """Parses a configuration file. YAML means ruamel's safe loader (1.2), as it does for SQLMesh."""

    def read(self, text: str, name: str) -> YamlDocument:
        """The document in `text`.

        `YamlDocument.root` is None if Jinja decides the structure: blocks, comments, whitespace control, or an
        expression that could render to more than one scalar where it stands.

        Args:
            name: the file's name, for messages.

        Raises:
            ConfigProblem: it is not YAML, or not a mapping; the message has the parser's line and column.
        """
