"""Tokens in environment variables, as in CI. Nothing is read from or written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from dagctl.domain.errors import FileUnusable, NotSignedIn
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet, expiry_of
from dagctl.ports.token_store import TokenStore

ACCESS_TOKEN, ID_TOKEN = "DAGCTL_ACCESS_TOKEN", "DAGCTL_ID_TOKEN"


class EnvironmentTokenStore(TokenStore):
    """The read-only `TokenStore` of `DAGCTL_ACCESS_TOKEN` and `DAGCTL_ID_TOKEN`."""

    writable = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @staticmethod
    def present_in(environ: Mapping[str, str]) -> bool:
        """Whether at least one of the two variables is set."""
        return bool(environ.get(ACCESS_TOKEN) or environ.get(ID_TOKEN))

    def load(self) -> TokenSet | None:
        access, identity = (Secret(self._environ.get(name, "").strip()) for name in (ACCESS_TOKEN, ID_TOKEN))
        if not access or not identity:
            missing, present = (ID_TOKEN, ACCESS_TOKEN) if access else (ACCESS_TOKEN, ID_TOKEN)
            raise NotSignedIn(f"{present} is set, but {missing} is not.", given_by=self.describe())
        deaths = [death for death in (expiry_of(access), expiry_of(identity)) if death is not None]
        return TokenSet(access, identity, expires_at=min(deaths, default=None))

    def save(self, tokens: TokenSet) -> None:
        raise self._given()

    def clear(self) -> None:
        raise self._given()

    def lock(self) -> AbstractContextManager[None]:
        return nullcontext()

    def describe(self) -> str:
        return f"{ACCESS_TOKEN} and {ID_TOKEN}"

    def _given(self) -> FileUnusable:
        return FileUnusable(
            f"The session comes from {self.describe()}, so dagctl cannot change it.", given_by=self.describe()
        )
