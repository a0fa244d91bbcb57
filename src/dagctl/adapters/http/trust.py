"""Which certificate authorities to trust, as the environment says."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from dagctl.adapters.system.authorities import system_bundles
from dagctl.domain.errors import CertificateRefused
from dagctl.domain.values.platform import LOOPBACK_HOSTS

SYSTEM = Path()
"""No file: the CA certificates that Python finds by itself."""
NO_CAS = "no CA certificates"
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
        bundle = self.bundle or (_load_systems(_plain()) if _system_folder(None) is None else None)
        own = self.origin if bundle in (None, SYSTEM) else f"{self.origin} ({bundle})"
        return f"{own} and the sandbox's CA" if self._local(host) else own

    def _local(self, host: str) -> bool:
        return host in LOOPBACK_HOSTS and self.loopback_ca is not None and os.path.exists(self.loopback_ca)

    def context(self, host: str) -> ssl.SSLContext:
        """A TLS client context for `host`: TLS 1.2 at least, name and chain verified.

        Raises:
            CertificateRefused: a CA file cannot be used.
        """
        folder = _system_folder(self.bundle)
        context = _plain()
        if folder is not None:
            context.load_verify_locations(capath=folder)
        elif self.bundle is None:
            if _load_systems(context) is None and host not in LOOPBACK_HOSTS:
                raise CertificateRefused(
                    f"This Python knows no CA certificates, so it cannot verify {host}.", host=host, why=NO_CAS
                )
        else:
            _load(context, self.bundle, self.origin)
        if self.loopback_ca is not None and self._local(host):
            _load(context, self.loopback_ca, "the sandbox")
        return context


def unverified() -> ssl.SSLContext:
    """A TLS client context that trusts anybody, and speaks TLS 1.2 at least."""
    context = _plain()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _plain() -> ssl.SSLContext:
    """A TLS client context that trusts nobody yet.

    It is none of `create_default_context`'s: that fails where SSLKEYLOGFILE cannot be opened, logs keys where it can,
    and from Python 3.13 on refuses the CAs of companies that RFC 5280 would have made otherwise.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load_systems(context: ssl.SSLContext) -> Path | None:
    """Load the system's CA certificates: `SYSTEM`, or the file that stands in where it has none; None for neither."""
    context.load_default_certs()
    if context.cert_store_stats()["x509_ca"]:
        return SYSTEM
    for bundle in system_bundles():
        with suppress(OSError):
            context.load_verify_locations(cafile=bundle)
            return bundle
    folder = ssl.get_default_verify_paths().capath  # what lies there is read when it is needed
    return SYSTEM if folder and any(map(_HASHED.fullmatch, os.listdir(folder))) else None


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
