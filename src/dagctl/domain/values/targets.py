"""Which environments a command line targets, and the platform's verdict on each."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import evolve, frozen


class EnvironmentName(str):
    """The name of an environment as SQLMesh stores it (`EnvironmentNamingInfo.sanitize_name`).

    Args:
        name: as people write it.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> EnvironmentName:
        once = re.sub(r"\W", "_", name).lower()
        # SQLMesh sanitises twice in a plan, and "İ" (U+0130) needs both rounds
        return super().__new__(cls, once) if once == name else cls(once)


PRODUCTION = EnvironmentName("prod")
"""SQLMesh's own name for production, and its default target."""

sanitized = EnvironmentName


@frozen
class Targets:
    """The environments to ask about when a process loads a configuration.

    Attributes:
        environments: in the order found. If there are none, dagctl does not ask at load.
        default: the environment of a command or call that names none.
        everything: the command may change every environment; production and the default represent them.
        later: the process chooses environments later by itself: an editor, a notebook, a program.
        reason: what led to this, for people: "sqlmesh plan", "sqlmesh destroy", "A notebook".
    """

    environments: tuple[EnvironmentName, ...] = ()
    default: EnvironmentName = PRODUCTION
    everything: bool = False
    later: bool = False
    reason: str = ""

    @classmethod
    def exactly(cls, names: Iterable[str], default: str, reason: str) -> Targets:
        """The environments called `names`; an empty name means the default."""
        chosen = (EnvironmentName(name or default) for name in names)
        return cls(tuple(dict.fromkeys(chosen)), EnvironmentName(default), reason=reason)

    @classmethod
    def every(cls, default: str, reason: str) -> Targets:
        """Every environment, or an unknown one: production and the default represent them."""
        return evolve(cls.exactly((PRODUCTION, default), default, reason), everything=True)

    @classmethod
    def none(cls, default: str, reason: str) -> Targets:
        """No environment: the command changes none, or SQLMesh will refuse it."""
        return cls.exactly((), default, reason)

    @classmethod
    def of_program(cls, fallback: str | None, default: str, reason: str) -> Targets:
        """The targets of a program that chooses its environments later.

        Args:
            fallback: the environment that its configuration names as the default; None if it names none.
        """
        names = [] if fallback is None else [fallback or PRODUCTION]
        return evolve(cls.exactly(names, default, reason), later=True)


@frozen
class Verdict:
    """What the platform answered about one environment.

    Attributes:
        allowed: true only if the platform said exactly that, or has no protection configured.
        message: the platform's own words, if it refused with any.
    """

    allowed: bool
    message: str | None = None
