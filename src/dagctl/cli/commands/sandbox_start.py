"""Start the hosted platform on this machine: issuer, API, PG proxy with TLS, and PostgreSQL.

It runs in the foreground until you press Ctrl-C, or in the background with --detach. It listens on the loopback
interface only, with a CA of its own that dagctl trusts. Its files are in ~/.dagctl/sandbox/.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.sandboxes import record, supervisor
from dagctl.cli.showing import seconds, tcp_port
from dagctl.domain.values.text import quoted

if TYPE_CHECKING:
    from dagctl.adapters.platform_model.people import Person
    from dagctl.adapters.sandbox.options import SandboxOptions

API_PORT, ISSUER_PORT, PROXY_PORT = 18443, 18444, 16432


class Data(TypedDict):
    """The sandbox, once it is up. Without `--detach` the command goes on until the sandbox stops."""

    sandbox: Annotated[records.Sandbox, "the sandbox"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="run in the background")
    what = parser.add_argument_group("what the sandbox has")
    what.add_argument("--org", default="acme", metavar="NAME", help="the organization's name (default: acme)")
    what.add_argument("--org-id", metavar="ID", help="the organization's ID")
    what.add_argument(
        "--project", action="append", metavar="NAME", help="a project; repeatable (default: shop, web-analytics)"
    )
    what.add_argument(
        "--protect",
        action="append",
        type=_protection,
        metavar="PROJECT:ENV",
        help="a protected environment; repeatable (default: prod of each project)",
    )
    what.add_argument(
        "--except",
        action="append",
        dest="excepted",
        metavar="EMAIL",
        help="a user to whom protected environments are open; repeatable",
    )
    what.add_argument("--user", action="append", metavar="EMAIL", help="a user who can sign in; repeatable")
    what.add_argument(
        "--access-lifetime", type=seconds, default=3600.0, metavar="S", help="lifetime of access tokens, in seconds"
    )
    what.add_argument(
        "--id-lifetime", type=seconds, default=3600.0, metavar="S", help="lifetime of ID tokens, in seconds"
    )
    what.add_argument("--no-rotation", action="store_true", help="do not rotate refresh tokens")
    what.add_argument("--no-device", action="store_true", help="do not let the client use the device grant")
    what.add_argument(
        "--redirect-uri", action="append", metavar="URI", help="another registered redirect URI; repeatable"
    )
    where = parser.add_argument_group("where it runs")
    for name, default in (("api", API_PORT), ("issuer", ISSUER_PORT), ("proxy", PROXY_PORT)):
        where.add_argument(
            f"--{name}-port",
            type=tcp_port,
            default=default,
            metavar="N",
            help=f"port of the {name} (default: {default}; 0: any free port)",
        )
    where.add_argument("--database-url", metavar="URL", help="the PostgreSQL to use (default: an embedded one)")


def run(args: Namespace, app: App) -> int:
    found, options = supervisor(), _options(args)
    if args.detach:
        _show(app, found.start_detached(options), detached=True)
    else:
        found.run(options, lambda where: _show(app, where, detached=False))
        app.say("The sandbox has stopped.")
    return 0


def _show(app: App, where: Mapping[str, Any], *, detached: bool) -> None:
    text = f"""\
The sandbox is up.
  API       {where["api_url"]}
  issuer    {where["issuer"]}
  PG proxy  {where["pg_proxy"]["host"]}:{where["pg_proxy"]["port"]}
  users     {", ".join(user["email"] for user in where["users"])}
  projects  {", ".join(project["name"] for project in where["projects"])}

Next:
  dagctl auth login --org {quoted(where["organization"]["name"])} --api-url {where["api_url"]}
  dagctl use-project {quoted(where["projects"][0]["name"])}

Your browser does not know the sandbox's CA and warns you about it. Other programs trust it with:
  export SSL_CERT_FILE={quoted(where["ca_bundle"])}"""
    end = "Stop it with: dagctl sandbox stop" if detached else "Press Ctrl-C to stop it."
    app.show(Data(sandbox=record(where)), f"{text}\n\n{end}")


def _options(args: Namespace) -> SandboxOptions:
    from dagctl.adapters.sandbox.options import SandboxOptions
    from dagctl.domain.values.platform import REDIRECT_URI

    standard = SandboxOptions(organization_id=args.org_id or SandboxOptions().organization_id)
    projects = {name: f"prj_{name}" for name in args.project} if args.project else dict(standard.projects)
    protected: dict[str, set[str]] = {name: set() if args.protect else {"prod"} for name in projects}
    for project, environment in args.protect or ():
        protected.setdefault(project, set()).add(environment)
    return SandboxOptions(
        organization=args.org,
        organization_id=standard.organization_id,
        projects=projects,
        people=_people(args, standard),
        protected=protected,
        access_lifetime=args.access_lifetime,
        id_lifetime=args.id_lifetime,
        rotate=not args.no_rotation,
        device=not args.no_device,
        redirect_uris=(REDIRECT_URI, *(args.redirect_uri or ())),
        api_port=args.api_port,
        issuer_port=args.issuer_port,
        proxy_port=args.proxy_port,
        database_url=args.database_url,
    )


def _people(args: Namespace, standard: SandboxOptions) -> tuple[Person, ...]:
    from attrs import evolve

    from dagctl.adapters.platform_model.people import Person

    def member(email: str) -> Person:
        return Person(email, f"sandbox|{email.partition('@')[0]}", standard.organization_id)

    excepted = set(args.excepted or ())
    people = tuple(member(email) for email in args.user or ()) or standard.people
    others = sorted(excepted - {person.email for person in people})
    people += tuple(member(email) for email in others)
    return tuple(evolve(person, excepted=person.excepted or person.email in excepted) for person in people)


def _protection(text: str) -> tuple[str, str]:
    project, colon, environment = text.partition(":")
    if not colon or not project or not environment:
        raise ArgumentTypeError(f"{text!r} is not like PROJECT:ENV")
    return project, environment
