"""The CA certificates of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",  # macOS and Alpine, too
    "/usr/local/etc/ssl/cert.pem",
)


def system_bundles() -> Iterator[Path]:
    """The existing files that hold all of them.

    OpenSSL's own choice comes first, whatever this process's variables say. certifi's bundle, which is not specific to
    this machine, comes last.
    """
    import ssl

    for bundle in (ssl.get_default_verify_paths().openssl_cafile, *_BUNDLES):
        if bundle and Path(bundle).is_file():
            yield Path(bundle)
    try:
        import certifi
    except ImportError:
        return
    yield Path(certifi.where())
