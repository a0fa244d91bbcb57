"""Where this process runs, which decides how to reach a person.

Each function takes what it looks at as arguments, so a caller can ask about any environment.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping

_CI_VARIABLES = ("BUILDKITE", "GITHUB_ACTIONS", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD")
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


def is_ci(environ: Mapping[str, str]) -> bool:
    """Whether this is CI: nearly every service sets `CI`, and the others a variable of their own."""
    if environ.get("CI", "").lower() not in ("", "0", "false", "no"):
        return True
    return any(environ.get(name) for name in _CI_VARIABLES)


def in_ssh(environ: Mapping[str, str]) -> bool:
    """Whether this is an SSH session."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))


def in_container(environ: Mapping[str, str], exists: Callable[[str], bool] = os.path.exists) -> bool:
    """Whether this is a container: Docker and Podman leave a file, Kubernetes and systemd-nspawn a variable."""
    if environ.get("KUBERNETES_SERVICE_HOST") or environ.get("container"):
        return True
    return any(map(exists, _CONTAINER_FILES))


def in_wsl(environ: Mapping[str, str], release: str | None = None) -> bool:
    """Whether this is the Windows Subsystem for Linux.

    Args:
        release: the kernel's release; None for this machine's.
    """
    if environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"):
        return True
    return "microsoft" in (platform.release() if release is None else release).lower()


def has_display(environ: Mapping[str, str], system: str = sys.platform) -> bool:
    """Whether the person would see a window that opens here.

    Args:
        system: the operating system, as `sys.platform` names it.
    """
    if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        return True
    return system in ("darwin", "win32", "cygwin") and not in_ssh(environ)
