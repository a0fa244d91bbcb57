"""Print what makes a shell complete dagctl's commands and options.

For bash, put this into ~/.bashrc: eval "$(dagctl completion bash)"; for zsh the same with zsh into ~/.zshrc; for
fish: dagctl completion fish > ~/.config/fish/completions/dagctl.fish
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="your shell")


def run(args: Namespace, app: App) -> int:
    from argcomplete.shell_integration import shellcode

    code = shellcode(["dagctl"], shell=args.shell)
    app.show({"shell": args.shell, "code": code}, code.rstrip("\n"))
    return 0
