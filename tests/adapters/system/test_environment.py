"""What kind of place this is, and what a person can do there."""

from __future__ import annotations

import pytest

from dagctl.adapters.system import opener
from dagctl.adapters.system.environment import has_display, in_container, in_ssh, in_wsl, is_ci
from dagctl.adapters.system.opener import how_without_browser

SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"CI": ""}, False),
        ({"CI": "false"}, False),
        ({"CI": "0"}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"CI": "woodpecker"}, True),
        ({"TF_BUILD": "True"}, True),
        ({"JENKINS_URL": "https://ci.example"}, True),
    ],
)
def test_ci(environ: dict[str, str], expected: bool) -> None:
    assert is_ci(environ) is expected


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"])
def test_ssh(name: str) -> None:
    assert in_ssh({name: "x"})
    assert not in_ssh({name: ""})


@pytest.mark.parametrize(
    ("environ", "files", "expected"),
    [
        ({}, (), False),
        ({}, ("/.dockerenv",), True),
        ({}, ("/run/.containerenv",), True),
        ({"KUBERNETES_SERVICE_HOST": "192.0.2.1"}, (), True),
        ({"container": "systemd-nspawn"}, (), True),
    ],
)
def test_container(environ: dict[str, str], files: tuple[str, ...], expected: bool) -> None:
    assert in_container(environ, files.__contains__) is expected


@pytest.mark.parametrize(
    ("environ", "release", "expected"),
    [
        ({}, "6.1.0-13-amd64", False),
        ({}, "5.15.153.1-microsoft-standard-WSL2", True),
        ({}, "4.4.0-19041-Microsoft", True),
        ({"WSL_DISTRO_NAME": "Debian"}, "custom", True),
        ({"WSL_INTEROP": "/run/WSL/1_interop"}, "custom", True),
    ],
)
def test_wsl(environ: dict[str, str], release: str, expected: bool) -> None:
    assert in_wsl(environ, release) is expected


@pytest.mark.parametrize(
    ("environ", "system", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({**SSH, "DISPLAY": "localhost:10.0"}, "linux", True),
        (SSH, "linux", False),
        ({}, "darwin", True),
        (SSH, "darwin", False),
        ({}, "win32", True),
        (SSH, "win32", False),
    ],
)
def test_display(environ: dict[str, str], system: str, expected: bool) -> None:
    assert has_display(environ, system) is expected


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        (SSH, "ssh -L 8123:localhost:8123 HOST"),
        ({"WSL_DISTRO_NAME": "Debian"}, "Windows"),
        ({"container": "podman"}, "container"),
        ({}, "on this machine"),
    ],
)
def test_every_place_has_a_way(environ: dict[str, str], word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener, "in_wsl", lambda environ: in_wsl(environ, release=""))
    monkeypatch.setattr(opener, "in_container", lambda environ: in_container(environ, exists=lambda path: False))
    told = how_without_browser(8123, environ)
    assert word in told
    assert "--no-browser" in told
