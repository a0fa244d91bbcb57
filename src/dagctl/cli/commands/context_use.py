"""Make another context the current one; the one that was is kept, signed in as it is.

What runs already goes on with its own. For one folder only, put org into a .dagctl.yaml there instead.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="its name, or its organization's name or ID")


def run(args: Namespace, app: App) -> int:
    """Change the current context."""
    client = app.connect()
    context = client.contexts.use(args.name)
    project = f"project {context.project}" if context.project else "no project yet"
    app.show(
        {"name": context.name, "organization": context.organization, "project": context.project},
        f"The context is now {context.name}: {context.organization}, {project}.",
    )
    wanted = client.context.overrides.organization
    if wanted is not None and not context.is_called(wanted.value):
        app.say(f"Note: here, {wanted.source} names {wanted.value!r}, and that wins.")
    if not context.signed_in:
        app.say(f"Its session has ended. Run: dagctl auth login --org {context.organization}")
    return 0
