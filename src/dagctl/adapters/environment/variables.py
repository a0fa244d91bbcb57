"""Environment variables as they are handed from one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Variables(Mapping[str, str]):
    """Environment variables that show nothing of themselves.

    In CI, tokens are among them, and the `repr` of `os.environ` and of a dict shows all values: a traceback that shows
    variables would, for every frame that is given them.

    Args:
        given: where they are looked up, each time anew.
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
