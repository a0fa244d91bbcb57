"""What the sandbox has seen, for tests to look at."""

from __future__ import annotations

from attrs import define, field, frozen


@frozen
class PgLogin:
    """A try to enter the PG proxy.

    Attributes:
        refusal: why it was turned away; None where it was let in.
        token_age, token_left: seconds since the token's issue, and until its expiry; None without a token.
    """

    user: str
    database: str
    refusal: str | None = None
    token_age: float | None = None
    token_left: float | None = None


@define
class Observations:
    """Counts since the sandbox was started."""

    logins: int = 0
    exchanges: int = 0
    refreshes: int = 0
    reuses: int = 0
    revocations: int = 0
    api_calls: list[str] = field(factory=list)
    checks: list[tuple[str, str | None]] = field(factory=list)
    pg_logins: list[PgLogin] = field(factory=list)
