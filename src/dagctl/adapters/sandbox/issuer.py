"""The issuer: an OpenID Connect provider with a sign-in page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dagctl.adapters.sandbox import pages
from dagctl.adapters.sandbox.grants import DEVICE_LIFETIME, Grants, OAuthError
from dagctl.adapters.sandbox.keys import Keys
from dagctl.adapters.sandbox.options import CLIENT_ID, User

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REQUEST = ("client_id", "response_type", "redirect_uri", "scope", "audience", "code_challenge")
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


def issuer_app(grants: Grants, keys: Keys) -> Starlette:
    """The issuer's web application."""
    issuer = Issuer(grants, keys)
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
        ]
    )


class Issuer:
    """The endpoints."""

    def __init__(self, grants: Grants, keys: Keys) -> None:
        self._grants = grants
        self._options = grants.options
        self._keys = keys

    async def metadata(self, request: Request) -> Response:
        """Discovery (OpenID Connect Discovery 1.0 section 4)."""
        issuer = self._grants.issuer
        device = {"device_authorization_endpoint": f"{issuer}oauth/device/code"} if self._options.device else {}
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
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        """The signing key."""
        return JSONResponse(self._keys.jwks())

    async def ask(self, request: Request) -> Response:
        """The sign-in page, for a request that is in order."""
        query = request.query_params
        if unknown := self._unredirectable(query):
            return _words("This request cannot be taken", unknown, 400)
        if trouble := self._wrong(query):
            return self._back(query, error=trouble.code, error_description=str(trouble))
        hidden = {name: value for name, value in query.items() if name not in ("email", "decision")}
        page = pages.sign_in(self._options.users, hidden, self._options.organization)
        return HTMLResponse(page, headers=PAGE_HEADERS)

    async def decide(self, request: Request) -> Response:
        """The person's answer, taken back to the client."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        if unknown := self._unredirectable(form):
            return _words("This request cannot be taken", unknown, 400)
        if trouble := self._wrong(form):
            return self._back(form, error=trouble.code, error_description=str(trouble))
        user = self._person(form)
        if user is None:
            return self._back(form, error="access_denied", error_description="The person refused.")
        code = self._grants.grant_code(
            user,
            redirect_uri=form["redirect_uri"],
            challenge=form["code_challenge"],
            nonce=form.get("nonce"),
        )
        return self._back(form, code=code)

    async def token(self, request: Request) -> Response:
        """The token endpoint."""
        form = await _parameters(request)
        try:
            if form.get("client_id") != CLIENT_ID:
                raise OAuthError("invalid_client", "The client is unknown.")
            return JSONResponse(self._granted(form), headers={"Cache-Control": "no-store"})
        except OAuthError as error:
            return _oauth_error(error)

    def _granted(self, form: Mapping[str, str]) -> dict[str, Any]:
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._grants.exchange_code(form)
        if kind == "refresh_token":
            return self._grants.refresh(form)
        if kind == DEVICE_GRANT:
            self._check_device_grant()
            return self._grants.poll_device(form)
        raise OAuthError("unsupported_grant_type", "There is no such grant here.")

    async def revoke(self, request: Request) -> Response:
        """The revocation endpoint."""
        form = await _parameters(request)
        if form.get("client_id") != CLIENT_ID:
            return _oauth_error(OAuthError("invalid_client", "The client is unknown."))
        self._grants.revoke(form.get("token", ""))
        return Response(status_code=200)

    async def device_code(self, request: Request) -> Response:
        """The device authorization endpoint."""
        form = await _parameters(request)
        try:
            self._check_device_request(form)
        except OAuthError as error:
            return _oauth_error(error)
        code, device = self._grants.begin_device()
        address = f"{self._grants.issuer}activate"
        return JSONResponse(
            {
                "device_code": code,
                "user_code": device.user_code,
                "verification_uri": address,
                "verification_uri_complete": f"{address}?{urlencode({'user_code': device.user_code})}",
                "expires_in": int(DEVICE_LIFETIME),
                "interval": int(device.interval),
            }
        )

    async def ask_device(self, request: Request) -> Response:
        """The page that takes a device's code."""
        page = pages.device(self._options.users, request.query_params.get("user_code", ""))
        return HTMLResponse(page, headers=PAGE_HEADERS)

    async def decide_device(self, request: Request) -> Response:
        """The person's answer about a device."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        user = self._person(form)
        if not self._grants.finish_device(form.get("user_code", ""), user):
            return _words("No such code", "The code is unknown, or has expired. Look at the terminal again.", 400)
        if user is None:
            return _words("Refused", "The device was not connected.", 200)
        return _words("Connected", "Go back to the terminal.", 200)

    def _check_device_request(self, form: Mapping[str, str]) -> None:
        if form.get("client_id") != CLIENT_ID:
            raise OAuthError("invalid_client", "The client is unknown.")
        self._check_device_grant()
        if form.get("audience") != self._grants.api_url:
            raise OAuthError("invalid_request", "The audience is unknown.")

    def _check_device_grant(self) -> None:
        if not self._options.device:
            raise OAuthError("unauthorized_client", "The client has no device grant.")

    def _unredirectable(self, query: Mapping[str, str]) -> str | None:
        """What forbids to send anybody back to the redirect URI (RFC 6749 section 4.1.2.1)."""
        if query.get("client_id") != CLIENT_ID:
            return "The client is unknown."
        if query.get("redirect_uri") not in self._options.redirect_uris:
            return "The redirect URI is not registered."
        return None

    def _wrong(self, query: Mapping[str, str]) -> OAuthError | None:
        """What is not in order with a request whose answer may go back to the client."""
        missing = [name for name in REQUEST if not query.get(name)]
        if missing:
            return OAuthError("invalid_request", f"The request lacks {', '.join(missing)}.")
        if query["response_type"] != "code":
            return OAuthError("unsupported_response_type", "The response type is not code.")
        if query.get("code_challenge_method") != "S256" or len(query["code_challenge"]) != 43:
            return OAuthError("invalid_request", "The code challenge is not one of S256 (RFC 7636).")
        if query["audience"] != self._grants.api_url:
            return OAuthError("invalid_request", "The audience is unknown.")
        if "openid" not in query["scope"].split():
            return OAuthError("invalid_scope", "The scope lacks openid.")
        return None

    def _person(self, form: Mapping[str, str]) -> User | None:
        return self._options.user_by_email(form.get("email", "")) if form.get("decision") == "allow" else None

    def _back(self, query: Mapping[str, str], **answer: str) -> Response:
        state = {"state": query["state"]} if "state" in query else {}
        parameters = urlencode({**answer, **state, "iss": self._grants.issuer})
        return RedirectResponse(f"{query['redirect_uri']}?{parameters}", 303, headers=PAGE_HEADERS)


def _words(title: str, text: str, status: int) -> Response:
    return HTMLResponse(pages.message(title, text), status, headers=PAGE_HEADERS)


def _oauth_error(error: OAuthError) -> Response:
    status = 401 if error.code == "invalid_client" else 403 if error.code == "invalid_grant" else 400
    return JSONResponse({"error": error.code, "error_description": str(error)}, status)


async def _parameters(request: Request) -> dict[str, str]:
    if "json" in request.headers.get("content-type", ""):
        try:
            body = await request.json()
        except ValueError:
            body = None
        return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}
    return {name: str(value) for name, value in (await request.form()).items()}
