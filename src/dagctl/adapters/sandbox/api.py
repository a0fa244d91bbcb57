"""The management API."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagctl.adapters.platform_model.model import PlatformModel
from dagctl.adapters.platform_model.refusals import ApiRefusal, Kind
from dagctl.domain.values.platform import StateProxy

Endpoint = Callable[[Request], object]


def api_app(platform: PlatformModel, proxy: StateProxy) -> Starlette:
    """The API's web application."""
    api = Api(platform, proxy)
    asked: dict[str, Endpoint] = {
        "/api/v1/onboarding/status": api.onboarding,
        "/api/v1/env/info": api.environment,
        "/api/v1/projects": api.projects,
        "/api/v1/environment-protections/check": api.protection,
    }
    routes = [Route(path, api.answering(endpoint)) for path, endpoint in asked.items()]
    return Starlette(routes=[Route("/.well-known/oauth-protected-resource", api.metadata), *routes])


class Api:
    """The endpoints."""

    def __init__(self, platform: PlatformModel, proxy: StateProxy) -> None:
        self._platform = platform
        self._proxy = proxy

    async def metadata(self, request: Request) -> Response:
        """Protected resource metadata (RFC 9728 section 3), with the client ID that dagctl takes from it."""
        return JSONResponse(
            {
                "resource": self._platform.place.api_url,
                "authorization_servers": [self._platform.place.issuer],
                "bearer_methods_supported": ["header"],
                "resource_name": "dagctl sandbox",
                "dagctl_client_id": self._platform.place.client_id,
            }
        )

    def answering(self, endpoint: Endpoint) -> Callable[[Request], object]:
        """`endpoint` over HTTP, with its refusals."""

        async def answer(request: Request) -> Response:
            self._platform.api_calls.append(request.url.path)
            try:
                return JSONResponse(endpoint(request))
            except ApiRefusal as refusal:
                return JSONResponse({"message": str(refusal)}, refusal.kind.value)

        return answer

    def onboarding(self, request: Request) -> object:
        found = self._platform.onboarded(_bearer(request), request.query_params.get("auth0_id"))
        organization = {"id": found.id, "name": found.name} if found else None
        return {"onboarded": found is not None, "organization": organization}

    def environment(self, request: Request) -> object:
        self._platform.member(*_asking(request))
        return {"state_proxy": {"host": self._proxy.host, "port": self._proxy.port}}

    def projects(self, request: Request) -> object:
        _, tenant = self._platform.member(*_asking(request))
        return [{"id": project.id, "name": project.name} for project in tenant.projects]

    def protection(self, request: Request) -> object:
        query = request.query_params
        about = query.get("project_id"), query.get("environment")
        return {"allowed": True, "environment": self._platform.check_protection(*_asking(request), *about)}


def _asking(request: Request) -> tuple[str, str | None]:
    return _bearer(request), request.headers.get("x-organization-id")


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiRefusal(Kind.NOT_ACCEPTED, "There is no bearer token.")
    return token
