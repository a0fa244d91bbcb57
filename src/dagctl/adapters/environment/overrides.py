"""`DAGCTL_*` variables and the nearest `.dagctl.yaml`, as `Overrides`."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.adapters.files.foreign import foreign_text
from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.domain.values.context import Origin, Overrides, Sourced

PIN = ".dagctl.yaml"
_KEYS = frozenset({"org", "project"})


def overrides_from(environ: Mapping[str, str], folder: Path) -> Overrides:
    """What `environ` says, and for organization and project where it is silent, the nearest pin.

    Args:
        folder: where the search for `.dagctl.yaml` begins, and the nearest one ends it: the project's folder, or
            the working directory where no project is being loaded.

    Raises:
        FileCorrupt: the pin is not a YAML mapping of `org` and `project`.
        FileUnusable: the pin cannot be read, leads out of its folder, or somebody else has put it there.
    """

    def variable(name: str) -> Sourced[str] | None:
        return Sourced(environ[name], Origin.VARIABLE, name) if environ.get(name) else None

    organization, project = variable("DAGCTL_ORG"), variable("DAGCTL_PROJECT")
    if organization is None or project is None:
        pin = _read_pin(folder)
        organization, project = organization or pin.get("org"), project or pin.get("project")
    return Overrides(
        organization=organization,
        project=project,
        api_url=variable("DAGCTL_API_URL"),
        sslmode=variable("DAGCTL_STATE_SSLMODE"),
        given_session=EnvironmentTokenStore.present_in(environ),
    )


def _read_pin(folder: Path) -> dict[str, Sourced[str]]:
    path = _nearest(folder)
    if path is None:
        return {}
    _require_own(path, folder)
    from dagctl.adapters.yaml.plain import YamlProblem, read_settings

    try:
        values = read_settings(foreign_text(path))
    except YamlProblem as error:
        raise _corrupt(path, f"is not usable: {error}") from None
    unknown = ", ".join(sorted(values.keys() - _KEYS))
    if unknown:
        raise _corrupt(path, f"has keys that mean nothing there: {unknown}")
    if any(isinstance(value, (dict, list)) for value in values.values()):
        raise _corrupt(path, "is not usable: org and project are names")
    return {
        key: Sourced(str(value), Origin.PIN_FILE, str(path)) for key, value in values.items() if value not in (None, "")
    }


def _nearest(folder: Path) -> Path | None:
    """The pin to follow. A folder that may not be searched could hold it, so that is no answer."""
    for above in (folder, *folder.parents):
        try:
            if stat.S_ISREG(os.stat(above / PIN).st_mode):
                return above / PIN
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise FileUnusable(
                f"Whether there is a {PIN} in {above} cannot be found out: {error.strerror}.", path=str(above)
            ) from None
    return None


def _corrupt(path: Path, why: str) -> FileCorrupt:
    return FileCorrupt(f"{path} {why}. It takes org and project, a line each.", path=str(path))


def _require_own(path: Path, folder: Path) -> None:
    """Return if this user or root has put `path` there, as git has it with repositories (`safe.directory`).

    To skip it would be to work on another project than the one that it names, and not to notice. In the folder
    where the search begins, whose code runs anyway, its owner may too: a container has the project mounted.
    """
    if not hasattr(os, "geteuid"):
        return  # on Windows others have to be let into a folder first
    trusted = {0, os.geteuid()} | ({folder.stat().st_uid} if path.parent == folder else set())
    for what, found in (("it", path.lstat()), ("its folder", path.parent.stat())):
        if found.st_uid not in trusted:
            raise FileUnusable(f"{path} is not followed: {what} belongs to another user.", path=str(path), foreign=True)
