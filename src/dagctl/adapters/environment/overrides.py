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
    """The overrides in `environ`; the nearest pin file fills in an organization or project that it does not set.

    Args:
        folder: where the search for `.dagctl.yaml` starts: the project's folder, or the working directory while no
            project is being loaded. The nearest one wins.

    Raises:
        FileCorrupt: the pin is not a YAML mapping of `org` and `project`.
        FileUnusable: the pin cannot be read, leads out of its folder, or belongs to another user.
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
        raise _corrupt(path, f"cannot be used: {error}") from None
    unknown = ", ".join(sorted(values.keys() - _KEYS))
    if unknown:
        raise _corrupt(path, f"has unknown keys: {unknown}")
    if any(isinstance(value, (dict, list)) for value in values.values()):
        raise _corrupt(path, "cannot be used: org and project must be names")
    return {
        key: Sourced(str(value), Origin.PIN_FILE, str(path)) for key, value in values.items() if value not in (None, "")
    }


def _nearest(folder: Path) -> Path | None:
    """The pin file to follow. A folder that cannot be searched could hold it, so that is an error."""
    for above in (folder, *folder.parents):
        try:
            if stat.S_ISREG(os.stat(above / PIN).st_mode):
                return above / PIN
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise FileUnusable(f"dagctl cannot check {above} for a {PIN}: {error.strerror}.", path=str(above)) from None
    return None


def _corrupt(path: Path, why: str) -> FileCorrupt:
    return FileCorrupt(f"{path} {why}. It takes org and project, one on each line.", path=str(path))


def _require_own(path: Path, folder: Path) -> None:
    """Return if `path` belongs to this user or root, the rule of git's `safe.directory`.

    Skipping the file instead would silently work on another project. In the folder where the search starts, whose code
    runs anyway, the folder's owner is trusted as well: a container mounts the project.
    """
    if not hasattr(os, "geteuid"):
        return  # on Windows, others cannot write to a folder unless its owner lets them
    trusted = {0, os.geteuid()} | ({folder.stat().st_uid} if path.parent == folder else set())
    for what, found in (("it", path.lstat()), ("its folder", path.parent.stat())):
        if found.st_uid not in trusted:
            raise FileUnusable(f"dagctl ignores {path}: {what} belongs to another user.", path=str(path), foreign=True)
