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

    def __init_subclass__(cls) -> None:
        """See that a class that pytest is going to run defines all that its suite leaves to it.

        Raises:
            TypeError: it does not. An abstract class would be passed over in silence.
        """
        every = (getattr(cls, name) for name in dir(cls))
        asked = [each for each in every if getattr(each, "__isabstractmethod__", False)]
        missing = [f"{factory.__name__} ({factory.__doc__})" for factory in asked]
        if missing and cls.__name__.startswith("Test"):
            raise TypeError(f"{cls.__name__} has yet to define: {', '.join(missing)}")

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
