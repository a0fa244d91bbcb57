"""The far side and its adapters are those of the tests of HTTP."""

from tests.http.conftest import world

__all__ = ["world"]
