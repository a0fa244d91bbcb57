"""Print the code that makes a shell complete dagctl's commands, options and values.

Add the line for your shell to its start-up file:

  bash        ~/.bashrc       eval "$(dagctl completion bash)"
  zsh         ~/.zshrc        eval "$(dagctl completion zsh)"
  fish        config.fish     dagctl completion fish | source
  PowerShell  $PROFILE        dagctl completion powershell | Out-String | iex

Projects are completed from the API and environments from the state database, where these answer within 0.3 seconds and
your token is still good: Tab never renews one.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Annotated, TypedDict

from dagctl.cli.app import App

_COMPINIT = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"
"""A bare .zshrc does not load zsh's completion."""


class Data(TypedDict):
    """The code for a shell."""

    shell: Annotated[str, "the shell"]
    code: Annotated[str, "what the shell has to evaluate"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "powershell"), help="your shell")


def shell_code(shell: str) -> str:
    """argcomplete's code for a shell. Its zsh takes the whole line for dagctl's, with what is before `&&` and `A=1`."""
    from argcomplete.shell_integration import shellcode

    code: str = shellcode(["dagctl"], shell=shell)
    if shell == "zsh":
        ours = "${(j: :)words[1,CURRENT]}"
        code = code.replace("$BUFFER", ours).replace("$CURSOR", f"$(( ${{#{ours}}} - ${{#SUFFIX}} ))")
    return code


def run(args: Namespace, app: App) -> int:
    code = shell_code(args.shell)
    if args.shell == "zsh":
        code = _COMPINIT + code
    app.show(Data(shell=args.shell, code=code), code.rstrip("\n"))
    return 0
