"""Which environments a command line targets, and whether the platform lets this person there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import field, frozen

PRODUCTION = "prod"
"""SQLMesh's own name for production, and its default target."""


def sanitized(environment: str) -> str:
    """`environment` under the name that SQLMesh stores it by (`EnvironmentNamingInfo.sanitize_name`)."""
    return re.sub(r"\W", "_", environment).lower()


@frozen
class Targets:
    """The environments that a process is about to touch.

    Attributes:
        environments: sanitised names, in the order in which they were found.
        everything: every environment, or the target cannot be known: production, the default and whatever
            else is known stand in `environments`, and all of them must be allowed.
        stateful: False where the command touches no state at all; nothing is asked then.
        default: the effective default environment, sanitised; None where it does not matter.
        reason: how this was found out, for people: "sqlmesh plan", "sqlmesh destroy", "a notebook".
    """

    environments: tuple[str, ...] = ()
    everything: bool = False
    stateful: bool = True
    default: str | None = None
    reason: str = ""

    @classmethod
    def exactly(cls, names: Iterable[str], default: str, reason: str) -> Targets:
        """The environments called `names`; an empty name stands for the default."""
        chosen = (sanitized(name or default) for name in names)
        return cls(tuple(dict.fromkeys(chosen)), default=sanitized(default), reason=reason)

    @classmethod
    def every(cls, default: str, reason: str) -> Targets:
        """Every environment, or one that cannot be known: production and the default stand for them."""
        names = cls.exactly((PRODUCTION, default), default, reason).environments
        return cls(names, everything=True, default=sanitized(default), reason=reason)

    @classmethod
    def none(cls, reason: str, *, stateful: bool) -> Targets:
        """No environment at all."""
        return cls(stateful=stateful, reason=reason)


@frozen
class Verdict:
    """What the platform answered about one environment.

    Attributes:
        allowed: true only where the platform said exactly so, or has no protection configured.
        message: the platform's own words, where it refused with some.
    """

    allowed: bool
    message: str | None = field(default=None)
