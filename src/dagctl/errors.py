"""Every error that dagctl raises; `dagctl.domain.errors` draws them as a tree."""

from dagctl.domain import errors as _tree
from dagctl.domain.errors import *  # noqa: F403 - its `__all__` lists the whole tree, and nothing else

__all__ = _tree.__all__
