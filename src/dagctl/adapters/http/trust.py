"""Which certificate authorities to trust, and which proxy to go through, as the environment says."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from attrs import frozen

from dagctl.domain.errors import CertificateRefused
from dagctl.domain.values.platform import LOOPBACK_HOSTS

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


@frozen
class Trust:
    """Where trusted CA certificates are.

    Attributes:
        bundle: a PEM file, or a folder of them as OpenSSL has it; the system's own store where None.
        origin: what names the bundle, for people.
        loopback_ca: a PEM file that is trusted too, for the loopback interface only; need not exist.
    """

    bundle: Path | None = None
    origin: str = "the system's CA store"
    loopback_ca: Path | None = None

    def described(self, host: str) -> str:
        """What certificates of `host` are verified with, for people."""
        own = self.origin if self.bundle is None else f"{self.origin} ({self.bundle})"
        return f"{own} and the sandbox's CA" if self._local(host) else own

    def _local(self, host: str) -> bool:
        return host in LOOPBACK_HOSTS and self.loopback_ca is not None and os.path.exists(self.loopback_ca)

    def context(self, host: str) -> ssl.SSLContext:
        """A TLS client context for `host`: TLS 1.2 at least, name and chain verified.

        Raises:
            CertificateRefused: a CA file cannot be used.
        """
        folder = _system_folder(self.bundle)
        # not `create_default_context`: it fails where SSLKEYLOGFILE cannot be opened, and logs keys where it can
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if folder is not None:
            context.load_verify_locations(capath=folder)
        elif self.bundle is None:
            context.load_default_certs()
        else:
            _load(context, self.bundle, self.origin)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.loopback_ca is not None and self._local(host):
            _load(context, self.loopback_ca, "the sandbox")
        return context


def unverified() -> ssl.SSLContext:
    """A TLS client context that trusts anybody, and speaks TLS 1.2 at least."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _system_folder(bundle: Path | None) -> str | None:
    """Where the system has a file for each CA certificate of its bundle, named by its hash; None where it has not.

    From there OpenSSL reads the one that it needs. To read them all takes longer than the rest of a request.

    Args:
        bundle: None for the system's own; the folder does not stand for any other.
    """
    paths = ssl.get_default_verify_paths()
    if os.name != "posix" or not _same(paths.capath, paths.openssl_capath):
        return None
    if bundle is not None and not _same(bundle, paths.openssl_cafile):
        return None
    try:
        bundled = Path(paths.openssl_cafile).read_bytes().count(b"-----BEGIN CERTIFICATE-----")
        hashed = sum(_HASHED.fullmatch(name) is not None for name in os.listdir(paths.openssl_capath))
    except OSError:
        return None
    return paths.openssl_capath if hashed >= bundled > 0 else None


def _same(one: Path | str | None, other: str) -> bool:
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def _load(context: ssl.SSLContext, path: Path, origin: str) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        why = "it holds no CA certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise CertificateRefused(
            f"The CA file {path} (from {origin}) cannot be used: {why}.", ca_file=str(path)
        ) from None


def trust_from(environ: Mapping[str, str], loopback_ca: Path | None = None) -> Trust:
    """What `SSL_CERT_FILE` says, else `REQUESTS_CA_BUNDLE`, else the system."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if environ.get(name):
            return Trust(Path(environ[name]), name, loopback_ca)
    return Trust(loopback_ca=loopback_ca)


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy to reach `url` through, or None. The loopback interface is never reached through one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = {
        name.lower()[: -len("_proxy")]: value
        for name, value in sorted(environ.items())  # the lower-case name wins, also empty: it sorts last
        if name.lower().endswith("_proxy")
    }
    if host in LOOPBACK_HOSTS or proxy_bypass_environment(parts.netloc, proxies):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
