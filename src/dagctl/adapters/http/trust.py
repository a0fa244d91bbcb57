"""Which certificate authorities to trust."""

from __future__ import annotations

import os
import re
import ssl
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from dagctl.adapters.system.authorities import system_bundles
from dagctl.domain.errors import CertificateRefused
from dagctl.domain.values.platform import LOOPBACK_HOSTS

SYSTEM = Path()
"""Stands for the CA certificates that Python finds by itself."""
NO_CAS = "no CA certificates"
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


@frozen(eq=False, repr=False)
class Trust:
    """Where the trusted CA certificates are.

    Attributes:
        bundle: a PEM file, or a folder in OpenSSL's layout; None for the system's own store.
        origin: what names the bundle, for people.
        loopback_ca: a PEM file that is trusted as well, for the loopback interface only. It need not exist.
        folder: a folder of PEM files that replaces the folder of the system's own store.
    """

    bundle: Path | None = None
    origin: str = "the system's CA store"
    loopback_ca: Path | None = None
    folder: str | None = None

    def described(self, host: str) -> str:
        """What verifies the certificate of `host`, for people."""
        bundle = self.bundle or (self._load_systems(_plain()) if self._system_folder() is None else None)
        own = self.origin if bundle in (None, SYSTEM) else f"{self.origin} ({bundle})"
        return f"{own} and the sandbox's CA" if self._local(host) else own

    def _local(self, host: str) -> bool:
        return host in LOOPBACK_HOSTS and self.loopback_ca is not None and os.path.exists(self.loopback_ca)

    def context(self, host: str) -> ssl.SSLContext:
        """A TLS client context for `host`: at least TLS 1.2, with name and chain verified.

        Raises:
            CertificateRefused: a CA file cannot be used.
        """
        folder = self._system_folder()
        context = _plain()
        if folder is not None:
            context.load_verify_locations(capath=folder)
        elif self.bundle is None:
            if self._load_systems(context) is None and host not in LOOPBACK_HOSTS:  # the sandbox has its own CA
                raise CertificateRefused(
                    f"This Python knows no CA certificates, so it cannot verify {host}.", host=host, why=NO_CAS
                )
        else:
            _load(context, self.bundle, self.origin)
        if self.loopback_ca is not None and self._local(host):
            _load(context, self.loopback_ca, "the sandbox")
        return context

    def _load_systems(self, context: ssl.SSLContext) -> Path | None:
        """Load the system's CA certificates: returns `SYSTEM`, the file used instead, or None."""
        paths = ssl.get_default_verify_paths()
        folder = self.folder or paths.openssl_capath
        if sys.platform == "win32":
            context.load_default_certs()
        else:
            # OpenSSL's defaults without the variables of this process, which may use others. One may be missing.
            for cafile, capath in ((paths.openssl_cafile, None), (None, folder)):
                with suppress(OSError):
                    context.load_verify_locations(cafile, capath)
        if context.cert_store_stats()["x509_ca"]:
            return SYSTEM
        for bundle in system_bundles():
            with suppress(OSError):
                context.load_verify_locations(cafile=bundle)
                return bundle
        # OpenSSL reads a folder only during a handshake, so the statistics above do not count what it holds
        return SYSTEM if any(map(_HASHED.fullmatch, _names(folder))) else None

    def _system_folder(self) -> str | None:
        """The folder with a hash-named file for each CA certificate of the system's bundle; None if there is none.

        OpenSSL reads just the file that it needs there. Reading the whole bundle takes longer than the rest of a
        request. The folder replaces no other bundle than the system's own.
        """
        paths = ssl.get_default_verify_paths()
        if os.name != "posix" or self.folder is not None:
            return None
        if self.bundle is not None and os.path.realpath(self.bundle) != os.path.realpath(paths.openssl_cafile):
            return None
        try:
            bundled = Path(paths.openssl_cafile).read_bytes().count(b"-----BEGIN CERTIFICATE-----")
        except OSError:
            return None
        # fewer files than certificates: `c_rehash` has not run since the bundle was updated
        hashed = sum(_HASHED.fullmatch(name) is not None for name in _names(paths.openssl_capath))
        return paths.openssl_capath if hashed >= bundled > 0 else None


def unverified() -> ssl.SSLContext:
    """A TLS client context that accepts any certificate, with at least TLS 1.2."""
    context = _plain()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _plain() -> ssl.SSLContext:
    """A TLS client context that trusts no CA yet.

    `ssl.create_default_context` will not do: it fails if it cannot open SSLKEYLOGFILE, logs keys if it can, and
    since Python 3.13 refuses company CAs that do not follow RFC 5280 to the letter.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _names(folder: str) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []


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
    """The trust that `SSL_CERT_FILE` sets, else `REQUESTS_CA_BUNDLE`, else the system's (folder: `SSL_CERT_DIR`)."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if environ.get(name):
            return Trust(Path(environ[name]), name, loopback_ca)
    return Trust(loopback_ca=loopback_ca, folder=environ.get("SSL_CERT_DIR") or None)
