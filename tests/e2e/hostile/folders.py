"""Folders as somebody who means harm would have them cloned. A test makes each, and none leads out of the test."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

MARK = "executed"
"""The file beside the folder that whatever runs would make."""
SECRET = "hunter2"
"""What the files beside the folder hold, and nobody is to be shown."""

DEFAULTS = "model_defaults: {dialect: duckdb}\n"
MINIMAL = "gateways:\n  here:\n    connection: {type: duckdb}\n" + DEFAULTS
RAW = "\x1b]0;owned\x07\x1b[31m\x9b2J\r\u202e\u2066\u2028\u2029\x7f\x00"
"""What a terminal acts upon."""
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in RAW)


def jinja(folder: Path) -> None:
    """Jinja that runs a command, in a scalar, in a block, and in a key."""
    touch = f"cycler.__init__.__globals__.os.popen('touch {folder.parent / MARK}').read()"
    (folder / "config.yaml").write_text(
        f'{MINIMAL}variables:\n  a: "{{{{ {touch} }}}}"\n{{% if {touch} %}}\n  b: 1\n{{% endif %}}\n'
    )


def python(folder: Path) -> None:
    """Python wherever it might be imported from."""
    touch = f"open({str(folder.parent / MARK)!r}, 'w')\n"
    names = ["config", "dagctl", "json", "yaml", "sqlmesh", "dotenv", "sitecustomize", "usercustomize", "conftest"]
    for name in names:
        (folder / f"{name}.py").write_text(touch)
    (folder / "config").mkdir()
    (folder / "config" / "__init__.py").write_text(touch)


def words(folder: Path) -> None:
    """Names that a terminal would act upon, everywhere."""
    (folder / ".dagctl.yaml").write_text(f'org: "{ESCAPED}x; touch P #"\nproject: "{ESCAPED}y; touch P #"\n')
    (folder / "config.yaml").write_text(
        f'gateways:\n  "{ESCAPED}g; touch P #":\n    connection: {{type: duckdb}}\n'
        f'    state_connection: {{type: duckdb, database: "{ESCAPED}.db"}}\nvariables: {{"{ESCAPED}": "{ESCAPED}"}}\n'
        + DEFAULTS
    )
    (folder / "config.py").write_text(f"# {RAW}".replace("\x00", "").replace("\r", ""))
    (folder / ".env").write_text(f"SQLMESH__GATEWAYS__X{RAW[:8]}__STATE_CONNECTION__TYPE=postgres\n")


def wrong_words(folder: Path) -> None:
    """The same where they are wrong, so that errors name them."""
    (folder / "config.yaml").write_text(f'{MINIMAL}"{ESCAPED}": {{"{ESCAPED}": "{ESCAPED}"}}\n')
    (folder / ".dagctl.yaml").write_text(f'"{ESCAPED}": "{ESCAPED}"\n')


def additions(folder: Path) -> None:
    """Python to add lines to, with names that a terminal would act upon."""
    quoted = repr(f"{RAW}g".replace("\x00", ""))
    (folder / "config.py").write_text(f"config = Config(gateways={{{quoted}: GatewayConfig(connection={quoted})}})\n")


def links(folder: Path) -> None:
    """Links to other people's secrets, and to what is to be overwritten."""
    for name in ("config.yaml", ".dagctl.yaml", "config.py"):
        (folder / name).symlink_to("../auth.json")


def linked_output(folder: Path) -> None:
    """A configuration, and a link where its conversion is to be."""
    (folder / "config.yaml").write_text(MINIMAL)
    (folder / "config.py").symlink_to("../auth.json")


def pipes(folder: Path) -> None:
    """Pipes that nobody writes to."""
    for name in ("config.yaml", ".dagctl.yaml", ".env", "config"):
        os.mkfifo(folder / name)


def piped_output(folder: Path) -> None:
    """A configuration, and pipes around it."""
    (folder / "config.yaml").write_text(MINIMAL)
    for name in ("config.py", ".env"):
        os.mkfifo(folder / name)


def endless(folder: Path) -> None:
    """Files of a terabyte, which take no room."""
    for name in ("config.yaml", ".dagctl.yaml", ".env"):
        with open(folder / name, "wb") as file:
            file.truncate(1 << 40)


def device(folder: Path) -> None:
    """A device that gives zeros for ever, where one can be made."""
    (folder / "config.yaml").write_text(MINIMAL)
    for name in ("config.py", ".env"):
        try:
            os.mknod(folder / name, stat.S_IFCHR | 0o600, os.makedev(1, 5))
        except OSError:
            (folder / name).mkdir()


def laughs(folder: Path, merge: str = "") -> None:
    """A few bytes that stand for billions."""
    lines = ["  l0: &l0 {x: 1}"]
    for number in range(1, 12):
        again = ", ".join([f"*l{number - 1}"] * 8)
        lines.append(f"  l{number}: &l{number} {f'{{<<: [{again}]}}' if merge else f'[{again}]'}")
    bomb = "\n".join(["variables:", *lines, ""])
    (folder / "config.yaml").write_text(MINIMAL + bomb)
    (folder / ".dagctl.yaml").write_text(bomb)


def merges(folder: Path) -> None:
    """The same with mappings that are merged."""
    laughs(folder, "<<")


def giggles(folder: Path) -> None:
    """A few bytes that SQLMesh loads, and that nobody could write out."""
    lines = ["  l0: &l0 {x: 1}"]
    lines += [f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 8)}]" for n in range(1, 7)]
    (folder / "config.yaml").write_text("\n".join([MINIMAL + "variables:", *lines, ""]))


def itself(folder: Path) -> None:
    """A mapping in itself."""
    (folder / "config.yaml").write_text(MINIMAL + "variables: &v {a: {<<: *v}, b: *v}\n")
    (folder / ".dagctl.yaml").write_text("org: &o [*o]\nproject: &p {<<: *p, x: *p}\n")


def numbers(folder: Path) -> None:
    """Numbers that take for ever to be written."""
    (folder / "config.yaml").write_text(MINIMAL + f"variables: {{a: {'9' * 50_000}}}\n")
    (folder / ".dagctl.yaml").write_text(f"org: {'9' * 50_000}\nproject: 0x{'9' * 50_000}\n")


def deep(folder: Path) -> None:
    """YAML, Jinja and Python that are nested without end."""
    (folder / "config.yaml").write_text(MINIMAL + "variables: " + "[" * 100_000)
    (folder / ".dagctl.yaml").write_text("org: " + "{a: " * 100_000)


def deep_jinja(folder: Path) -> None:
    """The same in Jinja."""
    (folder / "config.yaml").write_text(
        f'{MINIMAL}variables: {{a: "{{{{ {"(" * 50_000} }}}}"}}\n{"{% if x %}" * 5_000}'
    )


def deep_python(folder: Path) -> None:
    """The same in Python."""
    (folder / "config.py").write_text("config = Config(gateways=" + "+".join(["a"] * 20_000) + ")\n")


def bytes_of_no_text(folder: Path) -> None:
    """What is no text at all."""
    for name in ("config.yaml", ".dagctl.yaml", ".env"):
        (folder / name).write_bytes(bytes(range(256)) * 16)


FOLDERS: tuple[Callable[[Path], None], ...] = (
    jinja, python, words, wrong_words, additions, links, linked_output, pipes, piped_output, endless, device,
    laughs, merges, giggles, itself, numbers, deep, deep_jinja, deep_python, bytes_of_no_text,
)  # fmt: skip
