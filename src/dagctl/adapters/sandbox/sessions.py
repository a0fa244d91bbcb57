"""The issuer's sign-ins on disk, so that refresh tokens outlive a restart. There are only hashes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from dagctl.adapters.files.private import write_private
from dagctl.adapters.platform_model.grants import Family
from dagctl.adapters.platform_model.people import Person


def load_families(path: Path, people: Iterable[Person]) -> tuple[Family, ...]:
    """The sign-ins of those of `people` who have some; none where there is no such file, or another's."""
    known = {person.subject: person for person in people}
    try:
        kept = json.loads(path.read_text("utf-8"))
        return tuple(Family(known[who], scope, now, set(spent)) for who, scope, now, spent in kept if who in known)
    except (OSError, ValueError, TypeError):
        return ()


def save_families(path: Path, families: Iterable[Family]) -> None:
    """Write down the sign-ins that go on."""
    alive = [family for family in families if not family.revoked]
    kept = [(family.person.subject, family.scope, family.current, sorted(family.spent)) for family in alive]
    write_private(path, json.dumps(kept))
