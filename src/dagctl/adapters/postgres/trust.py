"""The CA certificates that this machine verifies state databases' proxies with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve

from dagctl.adapters.system.authorities import system_bundles
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.state import StateEndpoint
from dagctl.ports.state_probe import ProxyTrust

VERIFYING = ("verify-ca", "verify-full")


class LocalProxyTrust(ProxyTrust):
    """The `ProxyTrust` of this machine.

    Args:
        loopback_ca: the CA of a platform on this machine; trusted for loopback hosts only.
        environ: `PGSSLROOTCERT`, `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE` count, in this order.
    """

    def __init__(self, loopback_ca: Path, environ: Mapping[str, str]) -> None:
        self._loopback_ca = loopback_ca
        self._environ = environ

    def applied(self, endpoint: StateEndpoint) -> StateEndpoint:
        # `verify-full` where that needs nobody's help
        local = endpoint.host in LOOPBACK_HOSTS and self._loopback_ca.is_file()
        if local and not endpoint.chosen:
            return evolve(endpoint, sslmode="verify-full", sslrootcert=str(self._loopback_ca))
        if endpoint.sslmode not in VERIFYING:
            return endpoint
        own = local and not self._environ.get("PGSSLROOTCERT")
        root = str(self._loopback_ca) if own else _root_certificates(self._environ)
        return evolve(endpoint, sslrootcert=root)


def _root_certificates(environ: Mapping[str, str]) -> str | None:
    """The CA file for a verifying mode; None where libpq finds one by itself."""
    if environ.get("PGSSLROOTCERT") or own_root_certificates().exists():
        return None
    named = environ.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE")
    # "system" needs libpq 16, and an OpenSSL built for this system
    return named or next((str(bundle) for bundle in system_bundles()), "system")


def own_root_certificates() -> Path:
    """Where libpq looks for a person's CA certificates by itself."""
    return Path(os.path.expanduser("~/.postgresql/root.crt"))  # leaves it as it is where there is no home
