"""Which CA certificates verify the state databases' proxies, and which proxies they have verified."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import evolve

from dagctl.adapters.files.private import read_private, write_private
from dagctl.adapters.system.authorities import system_bundles
from dagctl.domain.errors import CertificateRefused, FileUnusable
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.state import SYSTEM, StateEndpoint
from dagctl.ports.state_probe import ProxyTrust

VERIFYING = ("verify-ca", "verify-full")


class LocalProxyTrust(ProxyTrust):
    """The `ProxyTrust` of this machine.

    Args:
        home: the dagctl home. The sandbox's CA in it is trusted for loopback hosts only. Its file `verified_proxies`
            has a line for each proxy whose certificate was verified once. None: this object remembers them.
        environ: looked up for `DAGCTL_STATE_SSLROOTCERT`, `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE`, in this order.
        timeout: seconds for each step of a handshake.
    """

    def __init__(self, home: Path | None, environ: Mapping[str, str], *, timeout: float = 5.0) -> None:
        self._loopback_ca = home / "sandbox" / "ca.pem" if home else None
        self._file = home / "verified_proxies" if home else None
        self._verified: set[str] = set()
        self._environ = environ
        self._timeout = timeout
        self._refused: set[str] = set()

    def applied(self, endpoint: StateEndpoint) -> StateEndpoint:
        named = self._environ.get("DAGCTL_STATE_SSLROOTCERT")
        local = endpoint.host in LOOPBACK_HOSTS and self._loopback_ca is not None and self._loopback_ca.is_file()
        strict = endpoint.sslmode in VERIFYING
        if strict or (not endpoint.chosen and (local or named or endpoint.hostspec in self._known())):
            root = str(self._loopback_ca) if local and not named else self._root()
            return evolve(endpoint, sslmode=endpoint.sslmode if strict else "verify-full", sslrootcert=root)
        # under `require`, too, libpq verifies the proxy if it gets a CA file
        return evolve(endpoint, sslrootcert=named) if named else endpoint

    def tried(self, endpoint: StateEndpoint) -> StateEndpoint:
        endpoint = self.applied(endpoint)
        settled = endpoint.chosen or endpoint.sslmode in VERIFYING or endpoint.hostspec in self._refused
        if settled or endpoint.host in LOOPBACK_HOSTS:
            return endpoint
        root = self._root()
        if root == SYSTEM:  # an older libpq takes it for the name of a file
            return endpoint
        from dagctl.adapters.postgres.wire import negotiated

        strict = evolve(endpoint, sslmode="verify-full", sslrootcert=root)
        try:
            negotiated(strict, root, self._timeout)
        except CertificateRefused:
            self._refused.add(endpoint.hostspec)
            return endpoint
        self._verified.add(strict.hostspec)
        if self._file is not None:
            with suppress(FileUnusable):  # another process tries again
                write_private(self._file, "".join(f"{hostspec}\n" for hostspec in sorted(self._known())))
        return strict

    def _root(self) -> str:
        for name in ("DAGCTL_STATE_SSLROOTCERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            if self._environ.get(name):
                return self._environ[name]
        return next((str(bundle) for bundle in system_bundles()), SYSTEM)

    def _known(self) -> set[str]:
        if self._file is None or not self._file.parent.is_dir():  # in CI there may be no home
            return self._verified
        return {*self._verified, *(read_private(self._file) or "").splitlines()}
