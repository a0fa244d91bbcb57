"""An address that does not answer costs a quarter of a second where another one does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.adapters.postgres.wire import answering, connected
from dagctl.adapters.system.dialling import HEAD_START, addresses, dialled
from dagctl.domain.errors import Unreachable
from dagctl.domain.values.state import StateEndpoint

if TYPE_CHECKING:
    from tests.adapters.http.conftest import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a full backlog does differs elsewhere")
NAME = "two.example.test"


@contextmanager
def silent() -> Iterator[tuple[str, int]]:
    """A port that answers nothing, as behind a firewall: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        where = listener.getsockname()
        others = [socket.socket() for _ in range(8)]
        for other in others:
            other.setblocking(False)
            with suppress(BlockingIOError):
                other.connect(where)
        yield where
        for other in others:
            other.close()


@pytest.fixture
def dead() -> Iterator[tuple[str, int]]:
    with silent() as where:
        yield where


@pytest.fixture
def alive() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


@pytest.fixture
def refusing() -> Iterator[tuple[str, int]]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()


Named = Callable[..., None]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Named:
    """`NAME` has these addresses, whatever the port."""
    look_up = socket.getaddrinfo

    def named(*places: tuple[str, int]) -> None:
        def look(host: str | None, *args: Any, **options: Any) -> Any:
            return at(*places) if host == NAME else look_up(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", look)

    return named


def at(*places: tuple[str, int]) -> list[tuple[Any, ...]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place) for place in places]


def test_one_that_is_silent_costs_its_head_start(dead: tuple[str, int], alive: tuple[str, int]) -> None:
    began = monotonic()
    with dialled(at(dead, alive), 20) as wire:
        assert wire.getpeername() == alive
        assert wire.gettimeout() == 20
    assert HEAD_START <= monotonic() - began < 4


def test_one_that_refuses_costs_nothing(refusing: tuple[str, int], alive: tuple[str, int]) -> None:
    began = monotonic()
    with dialled(at(*[refusing] * 20, alive), 20) as wire:
        assert wire.getpeername() == alive
    assert monotonic() - began < 20 * HEAD_START


def test_all_of_them_together_have_their_time(dead: tuple[str, int]) -> None:
    began = monotonic()
    with pytest.raises(TimeoutError):
        dialled(at(*[dead] * 4), 0.4)
    assert 0.4 <= monotonic() - began < 4


def test_why_none_came_about(refusing: tuple[str, int]) -> None:
    with pytest.raises(ConnectionRefusedError):
        dialled(at(refusing, refusing), 20)
    with pytest.raises(OSError, match="no address"):
        dialled([], 20)


def test_the_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(family, socket.SOCK_STREAM, 6, "", (str(n), 1)) for n, family in enumerate([10, 10, 10, 2, 2])]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [*found, found[0]])
    assert [address[4][0] for address in addresses("x", 1)] == ["0", "3", "1", "4", "2"]


def test_the_api_of_a_host_with_a_dead_address(dead: tuple[str, int], world: World, named: Named) -> None:
    far = world.serve(tls=world.server_context(NAME))
    named(dead, ("127.0.0.1", far.port))
    began = monotonic()
    assert world.transport().get(f"https://{NAME}:{far.port}/").status == 200
    assert monotonic() - began < 4


def test_the_proxy_of_a_host_with_a_dead_address(
    dead: tuple[str, int], alive: tuple[str, int], refusing: tuple[str, int], named: Named
) -> None:
    endpoint = StateEndpoint(NAME, 5432)
    named(dead, alive)
    began = monotonic()
    assert answering(endpoint, 20) == "127.0.0.1"
    with connected(endpoint, 20) as wire:
        assert wire.getpeername() == alive
    assert monotonic() - began < 8
    named(alive)
    assert answering(endpoint, 20) == ""
    named(refusing, ("127.0.0.1", 1))
    with pytest.raises(Unreachable, match=f"{NAME}:5432 cannot be reached: Connection refused"):
        answering(endpoint, 20)


def test_a_message_tells_the_time_that_has_passed(dead: tuple[str, int], world: World, named: Named) -> None:
    from dagctl.adapters.http.transport import Limits, Transport

    named(dead, dead)
    with pytest.raises(Unreachable, match=rf"{NAME}:1 cannot be reached within 1 seconds"):
        Transport(limits=Limits(connect=0.6, read=9, total=9)).get(f"https://{NAME}:1/")  # tried twice


DEAD_IPV6 = """
ip link set lo up && ip address add 192.0.2.2/32 dev lo &&
ip tuntap add dev nowhere mode tap && ip link set nowhere up && ip -6 address add 2001:db8::1/64 dev nowhere || exit 77
exec "$1" -c "$2"
"""
AT_WORK = """
import socket, time
from dagctl.adapters.system.dialling import addresses, dialled
server, look_up = socket.create_server(("192.0.2.2", 5432)), socket.getaddrinfo
both = [look_up(host, 5432, type=socket.SOCK_STREAM)[0] for host in ("2001:db8::2", "192.0.2.2")]
socket.getaddrinfo = lambda *args, **options: both
began = time.monotonic()
print(dialled(addresses("pg", 5432), 20).getpeername()[0], time.monotonic() - began < 2)
"""


@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("ip") is None, reason="no network namespaces here")
def test_a_network_whose_ipv6_is_dead() -> None:
    command = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c", DEAD_IPV6, "sh"]
    done = subprocess.run([*command, sys.executable, AT_WORK], capture_output=True, text=True, timeout=60)
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip(f"no network namespaces for us: {done.stderr}")
    assert done.stdout == "192.0.2.2 True\n", done.stderr
