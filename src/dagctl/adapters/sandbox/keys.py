"""The sandbox's CA, server certificate and signing key. They outlive a restart, so that trust in them lasts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import trustme
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from dagctl.adapters.files.private import write_private
from dagctl.adapters.platform_model.issuer import Signer
from dagctl.adapters.platform_model.refusals import NotOurs
from dagctl.adapters.system.authorities import system_bundles

NAMES = ("localhost", "127.0.0.1", "::1")


class Keys(Signer):
    """The keys in a folder. Missing ones are made.

    Args:
        folder: a private folder.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self.ca_bundle = folder / "ca-bundle.pem"
        self.certificate_file = folder / "server.pem"
        if not all((folder / name).exists() for name in ("ca.pem", "server.pem", "signing.pem")):
            self._make(folder)
        system = _system_authorities(apart_from=self.ca_bundle)
        write_private(self.ca_bundle, f"{system.rstrip()}\n{self.ca_file.read_text()}")
        self._signing = ECKey.import_key((folder / "signing.pem").read_bytes(), {"use": "sig", "alg": "ES256"})
        self._signing.ensure_kid()

    def tls(self) -> ssl.SSLContext:
        """The server's side of TLS, 1.2 at least."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate_file)
        return context

    def jwks(self) -> dict[str, Any]:
        """The public signing key as a JWK set (RFC 7517)."""
        return {"keys": [self._signing.as_dict(private=False)]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self._signing.kid}, dict(claims), self._signing)

    def verify(self, token: str) -> Mapping[str, Any]:
        try:
            return jwt.decode(token, self._signing, algorithms=["ES256"]).claims
        except (JoseError, ValueError, UnicodeError):
            raise NotOurs from None

    def _make(self, folder: Path) -> None:
        authority = trustme.CA(organization_name="dagctl sandbox")
        leaf = authority.issue_cert(*NAMES, common_name="localhost")
        whole = (leaf.private_key_pem, *leaf.cert_chain_pems)
        self.ca_file.unlink(missing_ok=True)
        write_private(self.certificate_file, b"".join(pem.bytes() for pem in whole).decode())
        write_private(folder / "signing.pem", ECKey.generate_key("P-256").as_pem(private=True).decode())
        write_private(self.ca_file, authority.cert_pem.bytes().decode())  # last: it says that the others are complete


def _system_authorities(*, apart_from: Path) -> str:
    """The CAs that this machine trusts; `apart_from` is our own bundle, which a variable may name by now."""
    for bundle in system_bundles():
        if bundle.resolve() != apart_from.resolve():
            with suppress(OSError):
                return bundle.read_text("utf-8", "replace")  # its comments may have any encoding
    return ""
