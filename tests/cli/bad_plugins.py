"""Plugins with something wrong in each, and what is said of it."""

from __future__ import annotations

from typing import NamedTuple

CONFIGURE = "def configure(parser): pass\n"
RUN = "def run(args, app): pass\n"


class Bad(NamedTuple):
    """A plugin.

    Attributes:
        name: its entry point's name.
        source: its module.
        reason: why it does not work.
        module: the value of its entry point.
    """

    name: str
    source: str
    reason: str
    module: str = "bad_plugin"


def declares(option: str) -> str:
    return f"def configure(parser): parser.add_argument({option})\n{RUN}"


UNUSABLE = "its name is not one word, or two joined by a dot, of a-z, 0-9, - and _"

NAMED_BADLY = {
    "a command of ours": Bad("auth.login", CONFIGURE + RUN, "'auth login' is a command of dagctl"),
    "a command of the sandbox": Bad("sandbox.start", CONFIGURE + RUN, "'sandbox start' is a command of dagctl 0.5.0"),
    "a group of ours": Bad("auth", CONFIGURE + RUN, "'auth' is a group of commands of dagctl"),
    "a command of another plugin": Bad("lint", CONFIGURE + RUN, "'lint' is a command of my-package 1.2"),
    "a group of another plugin": Bad("team", CONFIGURE + RUN, "'team' is a group of commands of my-package 1.2"),
    "below a command of ours": Bad("projects.extra", CONFIGURE + RUN, "'projects' is a command of dagctl"),
    "below a command of another plugin": Bad("lint.extra", CONFIGURE + RUN, "'lint' is a command of my-package 1.2"),
    "three words": Bad("auth.login.extra", CONFIGURE + RUN, UNUSABLE),
    "six words": Bad("a.b.c.d.e.f", CONFIGURE + RUN, UNUSABLE),
    "nothing": Bad("", CONFIGURE + RUN, UNUSABLE),
    "a dot": Bad(".", CONFIGURE + RUN, UNUSABLE),
    "a blank": Bad("two words", CONFIGURE + RUN, UNUSABLE),
    "an option": Bad("--version", CONFIGURE + RUN, UNUSABLE),
    "capitals": Bad("Lint", CONFIGURE + RUN, UNUSABLE),
    "a formula": Bad("100%s", CONFIGURE + RUN, UNUSABLE),
    "help": Bad("help", CONFIGURE + RUN, "'help' is reserved by dagctl"),
}
"""Plugins that cannot be registered."""

LOADED_BADLY = {
    "raises at import": Bad("sick", "raise RuntimeError('out of order')", "RuntimeError: out of order"),
    "exits at import": Bad("sick", "import sys; sys.exit(0)", "SystemExit: 0"),
    "exits in configure": Bad("sick", f"def configure(parser): exit('no')\n{RUN}", "SystemExit: no"),
    "raises in configure": Bad("sick", f"def configure(parser): 1 / 0\n{RUN}", "ZeroDivisionError: division by zero"),
    "raises what is no Exception": Bad("sick", "class Odd(BaseException): pass\nraise Odd", "Odd"),
    "pretends that somebody pressed Ctrl-C": Bad("sick", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    "pretends it in configure": Bad(
        "sick", f"def configure(parser): raise KeyboardInterrupt\n{RUN}", "KeyboardInterrupt"
    ),
    "raises what cannot be shown": Bad(
        "sick", "class Odd(BaseException):\n    def __str__(self): raise self\nraise Odd", "Odd"
    ),
    "raises an error of ours": Bad(
        "sick", "import dagctl\nraise dagctl.NotSignedIn('Nobody is here.')", "NotSignedIn: Nobody is here"
    ),
    "recurses": Bad("sick", "def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    "is no Python": Bad("sick", "def", "SyntaxError: invalid syntax (bad_plugin.py, line 1)"),
    "adds --json": Bad(
        "sick", declares("'--json'"), "ArgumentError: argument --json: conflicting option string: --json"
    ),
    "adds --help": Bad("sick", declares("'--help'"), "ArgumentError: argument --help: conflicting option string"),
    "adds an option twice": Bad(
        "sick",
        f"def configure(parser):\n    parser.add_argument('-a')\n    parser.add_argument('-a')\n{RUN}",
        "ArgumentError: argument -a: conflicting option string: -a",
    ),
    "has help that cannot be shown": Bad("sick", declares("'--part', help='100%'"), "ValueError: "),
    "has a docstring that cannot be shown": Bad(
        "sick", f'"""%(prog) %s."""\n{CONFIGURE}{RUN}', "ValueError: unsupported format character"
    ),
    "misses a module": Bad("sick", "import numbers_of_old", "the module 'numbers_of_old' is missing"),
    "is missing": Bad("sick", "", "the module 'gone' is missing", module="gone.away"),
    "is a function": Bad(
        "sick",
        "def lint(): pass",
        "AttributeError: 'function' object has no attribute 'configure'",
        module="bad_plugin:lint",
    ),
    "is a class": Bad(
        "sick",
        f"class Lint:\n    def configure(self, parser): pass\n    {RUN}",
        "TypeError: Lint.configure() missing 1 required positional argument: 'parser'",
        module="bad_plugin:Lint",
    ),
    "is missing from its module": Bad(
        "sick",
        CONFIGURE + RUN,
        "AttributeError: module 'bad_plugin' has no attribute 'lint'",
        module="bad_plugin : lint",
    ),
    "names no module": Bad("sick", "", "ValueError: Empty module name", module=""),
    "has no configure": Bad("sick", RUN, "AttributeError: module 'bad_plugin' has no attribute 'configure'"),
    "has no run": Bad("sick", CONFIGURE, "AttributeError: module 'bad_plugin' has no attribute 'run'"),
    "has a run that is none": Bad("sick", CONFIGURE + "run = 3", "TypeError: run is no function"),
    "has a docstring that is none": Bad("sick", "__doc__ = 3\n" + CONFIGURE + RUN, "AttributeError: 'int' object"),
}
"""Plugins that are registered, and do not load."""


class Odd(NamedTuple):
    """A plugin that does something odd, and works, or fails when it is run.

    Attributes:
        source: its module.
        code: the exit code of its command.
        out: what it writes on stdout.
        err: how what is on stderr begins.
    """

    source: str
    code: int = 0
    out: str = ""
    err: str = ""


def runs(statement: str, before: str = "") -> str:
    return f"{before}\n{CONFIGURE}def run(args, app):\n    {statement}\n"


FAILED = "dagctl: The plugin 'sick' (from bad-package 3) failed: "

ODD = {
    "writes to stderr at import": Odd(runs("app.put('done')", "import sys\nsys.stderr.write('hello')"), out="done\n"),
    "keeps the streams of its import": Odd(
        runs(
            "print('done', file=out, flush=True); print('said', file=err)",
            "from sys import stdout as out, stderr as err",
        ),
        out="done\n",
        err="said\n",
    ),
    "returns a number that is no code": Odd(
        runs("return 3.5"), code=1, err=FAILED + "TypeError: run returned a float, which is no exit code. The log is "
    ),
    "is a generator": Odd(
        runs("yield 1"), code=1, err=FAILED + "TypeError: run returned a generator, which is no exit code. The log is "
    ),
    "is a coroutine": Odd(
        f"{CONFIGURE}async def run(args, app): pass\n",
        code=1,
        err=FAILED + "TypeError: run returned a coroutine, which is no exit code. The log is ",
    ),
    "prints at import": Odd(runs("app.put('done')", "print('hello')"), out="done\n"),
    "replaces stdout at import": Odd(
        runs("app.put('done')", "import io, sys\nsys.stdout = io.StringIO()"), out="done\n"
    ),
    "closes stdout at import": Odd(runs("app.put('done')", "import sys\nsys.stdout.close()"), out="done\n"),
    "replaces stdout": Odd(runs("import io, sys; sys.stdout = io.StringIO(); app.put('done')"), out="done\n"),
    "closes stdout": Odd(runs("import sys; sys.stdout.close()")),
    "returns nothing": Odd(runs("pass")),
    "returns True": Odd(runs("return True"), code=1),
    "returns text": Odd(runs("return 'no luck'"), code=1, err="dagctl: no luck\n"),
    "returns what exits with 0 by its last byte": Odd(runs("return 256"), code=1),
    "exits": Odd(runs("exit(6)"), code=6),
    "exits with text": Odd(runs("exit('no luck')"), code=1, err="dagctl: no luck\n"),
    "raises": Odd(runs("raise ValueError('what?')"), code=1, err=FAILED + "ValueError: what?. The log is "),
    "raises what is no Exception": Odd(
        runs("raise Odd", "class Odd(BaseException): pass"), code=1, err=FAILED + "Odd. The log is "
    ),
    "raises an error of the system": Odd(
        runs("open('/nowhere/at/all')"), code=1, err=FAILED + "FileNotFoundError: [Errno 2]"
    ),
    "raises an error of ours": Odd(
        runs("raise dagctl.NotSignedIn('Nobody is here.')", "import dagctl"), code=4, err="dagctl: Nobody is here.\n"
    ),
    "is interrupted": Odd(runs("raise KeyboardInterrupt"), code=130, err="\ndagctl: interrupted.\n"),
    "has an option called run": Odd(
        "def configure(parser): parser.add_argument('--run', default='x')\ndef run(args, app): app.put(args.run)\n",
        out="x\n",
    ),
    "has a type that raises": Odd(
        "def wrong(text): return 1 / 0\n"
        f"def configure(parser): parser.add_argument('--n', type=wrong, default='1')\n{RUN}",
        code=1,
        err=FAILED + "ZeroDivisionError: division by zero. The log is ",
    ),
    "has an argument called command": Odd(
        f"def configure(parser): parser.add_argument('command', type=int, choices=[1, 2])\n{RUN}",
        code=2,
        err="usage: dagctl sick [",
    ),
    "wants an argument": Odd(declares("'file'"), code=2, err="usage: dagctl sick ["),
    "has a percentage in its docstring": Odd('"""100% done."""\n' + runs("app.put('done')"), out="done\n"),
    "has no docstring": Odd(runs("app.put('done')"), out="done\n"),
}
"""Plugins that load."""
