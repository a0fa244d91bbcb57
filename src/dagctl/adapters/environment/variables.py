"""Environment variables that no traceback shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Variables(Mapping[str, str]):
    """Environment variables whose `repr` shows no values.

    In CI they include tokens. The `repr` of `os.environ` or of a dict shows every value, and so does a traceback with
    locals.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def __getitem__(self, name: str) -> str:
        value = self._given.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)
