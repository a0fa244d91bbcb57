"""Which HTTP proxy to use: the environment decides, then the settings of Windows or macOS."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from dagctl.domain.values.platform import LOOPBACK_HOSTS

Way = Callable[[str], tuple[str | None, str]]
"""`way_to` in a given environment."""

_SYSTEMS = {"win32": ("registry", "Windows' settings"), "darwin": ("macosx_sysconf", "macOS' settings")}
"""The suffix of the functions in `urllib.request`. Other systems have no settings that all programs share."""


def way_to(url: str, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """The proxy for `url`, or None; and what decided that, for people, or "".

    Requests to the loopback interface never use a proxy.
    """
    parts = urlsplit(url)
    if parts.hostname in LOOPBACK_HOSTS:
        return None, ""
    # the lower-case name wins, even if it is empty: it sorts last
    named = {name.lower(): (name, value) for name, value in sorted(environ.items())}
    source, proxy = next((named[name] for name in (f"{parts.scheme}_proxy", "all_proxy") if name in named), ("", None))
    if proxy is None:
        source, proxy = _of_system(parts)
    if not proxy:
        return None, source
    name, exceptions = named.get("no_proxy", ("", ""))
    if _excepted(parts, exceptions):
        return None, name
    return proxy if "://" in proxy else f"http://{proxy}", source


def _of_system(parts: SplitResult) -> tuple[str, str | None]:
    import urllib.request

    # `getproxies` would look at this process's variables first, but `environ` is what counts
    kind, source = _SYSTEMS.get(sys.platform, ("", ""))
    proxies = getattr(urllib.request, f"getproxies_{kind}")() if kind else {}
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and getattr(urllib.request, f"proxy_bypass_{kind}")(parts.netloc):
        return source, None
    return (source, proxy) if proxy else ("", None)


def _excepted(parts: SplitResult, exceptions: str) -> bool:
    """Whether NO_PROXY covers the host, by curl's rules: commas or blanks, domains, ports, address ranges."""
    host, port = (parts.hostname or "").rstrip("."), str(parts.port or {"https": 443}.get(parts.scheme, 80))
    for entry in re.split(r"[,\s]+", exceptions.lower()):
        both = re.fullmatch(r"([^:]*|\[.*\]):([0-9]+)", entry)
        name, wanted = both.groups() if both else (entry, port)
        if entry == "*" or (wanted == port and _covers(name.strip("[]."), host)):
            return True
    return False


def _covers(name: str, host: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        address = ip_address(host)
    except ValueError:
        return bool(name) and f".{host}".endswith(f".{name}")
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False
