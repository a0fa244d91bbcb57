"""What a platform has seen, for assertions."""

from __future__ import annotations

from attrs import define, field, frozen

from dagctl.adapters.platform_model.declared import Declared


@frozen
class PgLogin:
    """An attempt to enter the PG proxy.

    Attributes:
        refusal: why the proxy refused it; None if it did not.
        token_age, token_left: seconds since the token's issue, and until its expiry; None without a token.
    """

    user: str
    database: str
    refusal: str | None = None
    token_age: float | None = None
    token_left: float | None = None


@define(eq=False, slots=False)
class Observations(Declared):
    """Counts since the platform started.

    Attributes:
        logins: how often a person has agreed to sign in.
        exchanges, refreshes, revocations: how many of each the issuer has granted.
        reuses: how many sign-ins ended because a spent refresh token came back.
        checks: the project ID and the environment of each protection check that the platform answered.
        api_calls: the path of each call to the management API, in a sandbox.
        pg_logins: each attempt to enter the PG proxy, in a sandbox.
    """

    logins: int = field(default=0, init=False)
    exchanges: int = field(default=0, init=False)
    refreshes: int = field(default=0, init=False)
    reuses: int = field(default=0, init=False)
    revocations: int = field(default=0, init=False)
    checks: list[tuple[str, str | None]] = field(factory=list, init=False)
    api_calls: list[str] = field(factory=list, init=False)
    pg_logins: list[PgLogin] = field(factory=list, init=False)
