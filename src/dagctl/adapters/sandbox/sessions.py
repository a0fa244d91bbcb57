"""The issuer's sign-ins on disk, so that refresh tokens outlive a restart. The file holds only their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from dagctl.adapters.files.private import write_private
from dagctl.adapters.platform_model.grants import Family
from dagctl.adapters.platform_model.people import Person


def load_families(path: Path, people: Iterable[Person]) -> tuple[Family, ...]:
    """The recorded sign-ins of `people`; none if the file is missing or is something else."""
    known = {person.subject: person for person in people}
    try:
        kept = json.loads(path.read_text("utf-8"))
        return tuple(Family(known[who], scope, now, set(spent)) for who, scope, now, spent in kept if who in known)
    except (OSError, ValueError, TypeError):
        return ()


def save_families(path: Path, families: Iterable[Family]) -> None:
    """Record the sign-ins that have not ended."""
    alive = [family for family in families if not family.revoked]
    kept = [(family.person.subject, family.scope, family.current, sorted(family.spent)) for family in alive]
    write_private(path, json.dumps(kept))
