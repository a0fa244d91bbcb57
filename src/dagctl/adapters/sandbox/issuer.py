"""The issuer over HTTP: an OpenID Connect provider with a sign-in page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dagctl.adapters.platform_model.issuer import DEVICE_GRANT
from dagctl.adapters.platform_model.model import PlatformModel
from dagctl.adapters.platform_model.people import Person
from dagctl.adapters.platform_model.refusals import OAuthError
from dagctl.adapters.sandbox import pages

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer, a browser keeps the Origin of its own form back too
}
# Those of Auth0; everything else is a 400 (RFC 6749 section 5.2)
STATUSES = {"invalid_client": 401, "slow_down": 429} | dict.fromkeys(
    ("invalid_grant", "authorization_pending", "expired_token", "access_denied"), 403
)


def issuer_app(platform: PlatformModel, jwks: Callable[[], Mapping[str, Any]]) -> Starlette:
    """The issuer's web application; `jwks` gives the key of its signer."""
    issuer = Issuer(platform, jwks)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", issuer.metadata),
            Route("/.well-known/jwks.json", issuer.jwks),
            Route("/authorize", issuer.ask, methods=["GET"]),
            Route("/authorize", issuer.decide, methods=["POST"]),
            Route("/oauth/token", issuer.token, methods=["POST"]),
            Route("/oauth/revoke", issuer.revoke, methods=["POST"]),
            Route("/oauth/device/code", issuer.device_code, methods=["POST"]),
            Route("/activate", issuer.ask_device, methods=["GET"]),
            Route("/activate", issuer.decide_device, methods=["POST"]),
        ],
        exception_handlers={OAuthError: _oauth_error},
    )


class Issuer:
    """The endpoints."""

    def __init__(self, platform: PlatformModel, jwks: Callable[[], Mapping[str, Any]]) -> None:
        self._platform = platform
        self._jwks = jwks
        # cookies know no ports (RFC 6265 section 8.5): two sandboxes on one machine must not share one
        self._cookie = f"__Host-dagctl-sandbox-{urlsplit(platform.place.issuer).port}"

    async def metadata(self, request: Request) -> Response:
        """Discovery (OpenID Connect Discovery 1.0 section 4)."""
        issuer = self._platform.place.issuer
        device = {"device_authorization_endpoint": f"{issuer}oauth/device/code"} if self._platform.device else {}
        return JSONResponse(
            {
                **device,
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}authorize",
                "token_endpoint": f"{issuer}oauth/token",
                "revocation_endpoint": f"{issuer}oauth/revoke",
                "jwks_uri": f"{issuer}.well-known/jwks.json",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token", *([DEVICE_GRANT] if device else [])],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": self._platform.names_itself,
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._jwks())

    async def ask(self, request: Request) -> Response:
        """The sign-in page, for a request that is in order and that a session does not answer already."""
        query = request.query_params
        try:
            back = self._platform.authorization_endpoint(query, request.cookies.get(self._cookie))
        except OAuthError as error:
            return _not_taken(error)
        if back is not None:
            return _redirect(back)
        hidden = {name: value for name, value in query.items() if name not in ("email", "decision")}
        organization, suggested = self._platform.tenants[0].organization, self._platform.suggested(query)
        page = pages.sign_in(self._platform.people, hidden, organization.name, suggested)
        return HTMLResponse(page, headers=PAGE_HEADERS)

    async def decide(self, request: Request) -> Response:
        """The person's answer, taken back to the client."""
        form = await _form(request)
        person = self._person(form)
        try:
            answer = _redirect(self._platform.decide(form, person))
        except OAuthError as error:
            return _not_taken(error)
        if person is not None:
            session = self._platform.begin_session(person)
            # a browser that follows another site's link brings no strict cookie
            answer.set_cookie(self._cookie, session, secure=True, httponly=True, samesite="lax")
        return answer

    async def token(self, request: Request) -> Response:
        granted = self._platform.token_endpoint(await _parameters(request))
        return JSONResponse(granted, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: Request) -> Response:
        self._platform.revocation_endpoint(await _parameters(request))
        return Response()

    async def device_code(self, request: Request) -> Response:
        return JSONResponse(self._platform.device_endpoint(await _parameters(request)))

    async def ask_device(self, request: Request) -> Response:
        page = pages.device(self._platform.people, request.query_params.get("user_code", ""))
        return HTMLResponse(page, headers=PAGE_HEADERS)

    async def decide_device(self, request: Request) -> Response:
        """The person's answer about a device."""
        form = await _form(request)
        person = self._person(form)
        try:
            self._platform.decide_device(form.get("user_code", ""), person)
        except OAuthError as error:
            return _words("No such code", f"{error} Look at the terminal again.", 400)
        if person is None:
            return _words("Refused", "The device was not connected.", 200)
        return _words("Connected", "Go back to the terminal.", 200)

    def _person(self, form: Mapping[str, str]) -> Person | None:
        return self._platform.person_called(form.get("email", "")) if form.get("decision") == "allow" else None


def _redirect(address: str) -> Response:
    return RedirectResponse(address, 303, headers=PAGE_HEADERS)


def _words(title: str, text: str, status: int) -> Response:
    return HTMLResponse(pages.message(title, text), status, headers=PAGE_HEADERS)


def _not_taken(error: OAuthError) -> Response:
    # nobody is redirected: the redirect URI may be an attacker's (RFC 6749 section 4.1.2.1)
    return _words("This request cannot be taken", str(error), 400)


async def _oauth_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OAuthError)
    members = {"error": error.code, "error_description": str(error)}
    return JSONResponse(members, STATUSES.get(error.code, 400))


async def _form(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


async def _parameters(request: Request) -> dict[str, str]:
    if "json" not in request.headers.get("content-type", ""):
        return await _form(request)
    try:
        body = await request.json()  # RFC 6749 has only forms; Auth0 also takes JSON
    except ValueError:
        body = None
    return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}
