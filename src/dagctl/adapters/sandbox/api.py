"""The management API."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagctl.adapters.sandbox.grants import Grants
from dagctl.adapters.sandbox.keys import InvalidTokenError, Keys
from dagctl.adapters.sandbox.options import CLIENT_ID, SandboxOptions, User


def api_app(grants: Grants, keys: Keys, options: Callable[[], SandboxOptions], proxy: tuple[str, int]) -> Starlette:
    """The API's web application.

    Args:
        options: gives what the platform is like at the moment.
        proxy: the PG proxy's host and port.
    """
    api = Api(grants, keys, options, proxy)
    return Starlette(
        routes=[
            Route("/.well-known/oauth-protected-resource", api.metadata),
            Route("/api/v1/onboarding/status", api.onboarding),
            Route("/api/v1/env/info", api.environment),
            Route("/api/v1/projects", api.projects),
            Route("/api/v1/environment-protections/check", api.protection),
        ]
    )


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = JSONResponse({"message": message}, status)


class Api:
    """The endpoints."""

    def __init__(
        self, grants: Grants, keys: Keys, options: Callable[[], SandboxOptions], proxy: tuple[str, int]
    ) -> None:
        self._grants = grants
        self._keys = keys
        self._options = options
        self._proxy = proxy

    async def metadata(self, request: Request) -> Response:
        """Protected resource metadata (RFC 9728 section 3), with the client ID that dagctl takes from it."""
        return JSONResponse(
            {
                "resource": self._grants.api_url,
                "authorization_servers": [self._grants.issuer],
                "bearer_methods_supported": ["header"],
                "resource_name": "dagctl sandbox",
                "dagctl_client_id": CLIENT_ID,
            }
        )

    async def onboarding(self, request: Request) -> Response:
        """Which organization the person belongs to."""
        try:
            user = self._person(request, for_organization=False)
            if request.query_params.get("auth0_id") != user.subject:
                raise _RefusedError(403, "That is somebody else's status.")
        except _RefusedError as refused:
            return refused.response
        if not user.onboarded:
            return JSONResponse({"onboarded": False, "organization": None})
        options = self._options()
        organization = {"id": options.organization_id, "name": options.organization}
        return JSONResponse({"onboarded": True, "organization": organization})

    async def environment(self, request: Request) -> Response:
        """Where the PG proxy is."""
        try:
            self._person(request)
        except _RefusedError as refused:
            return refused.response
        host, port = self._proxy
        return JSONResponse({"state_proxy": {"host": host, "port": port}})

    async def projects(self, request: Request) -> Response:
        """The organization's projects."""
        try:
            self._person(request)
        except _RefusedError as refused:
            return refused.response
        return JSONResponse([{"id": id_, "name": name} for name, id_ in self._options().projects.items()])

    async def protection(self, request: Request) -> Response:
        """Whether the person may touch an environment."""
        query = request.query_params
        environment = query.get("environment")
        self._grants.observed.checks.append((query.get("project_id", ""), environment))
        try:
            user = self._person(request)
            return self._verdict(user, query.get("project_id"), environment or "prod")
        except _RefusedError as refused:
            return refused.response

    def _verdict(self, user: User, project_id: str | None, environment: str) -> Response:
        options = self._options()
        project = next((name for name, id_ in options.projects.items() if id_ == project_id), None)
        if project is None:
            raise _RefusedError(400, "There is no such project in your organization.")
        if project not in options.protected:
            raise _RefusedError(404, "No environment protection is configured for this project.")
        if environment in options.protected[project] and not user.excepted:
            raise _RefusedError(403, f"Only deployments from CI may change {environment}.")
        return JSONResponse({"allowed": True, "environment": environment})

    def _person(self, request: Request, *, for_organization: bool = True) -> User:
        """Who asks; the bearer is the ID token, not the access token."""
        self._grants.observed.api_calls.append(request.url.path)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise InvalidTokenError("there is no bearer token")
            claims = self._keys.verify(token, issuer=self._grants.issuer, audience=CLIENT_ID)
        except InvalidTokenError as error:
            raise _RefusedError(401, f"The token is not accepted: {error}.") from None
        user = self._options().user_by_subject(claims.get("sub"))
        if user is None:
            raise _RefusedError(401, "The token is not accepted: nobody is called so here.")
        if for_organization:
            self._check_organization(request, user)
        return user

    def _check_organization(self, request: Request, user: User) -> None:
        named = request.headers.get("x-organization-id")
        if named is None:
            raise _RefusedError(400, "The header X-Organization-ID is missing.")
        if named != self._options().organization_id or not user.onboarded:
            raise _RefusedError(403, "You do not belong to that organization.")
