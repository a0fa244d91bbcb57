"""What every suite has."""

from __future__ import annotations

from pathlib import Path

import pytest


class Contract:
    """A suite.

    Attributes:
        folder: an empty folder of the test's own.
    """

    folder: Path

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
