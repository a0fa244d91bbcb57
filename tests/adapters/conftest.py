"""The far side and its adapters are those of the tests of HTTP."""

from tests.adapters.http.conftest import world

__all__ = ["world"]
