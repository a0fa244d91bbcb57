"""Reading plain settings without the YAML library gives what the library gives, or leaves it to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagctl.adapters.yaml import plain
from dagctl.adapters.yaml.plain import YamlProblem, read_settings
from dagctl.adapters.yaml.settings import read_mapping

PLAIN = """\
# what both clients write
current_org: org_2cXyZ
current_org_name: Acme
api_url: https://api.dagctl.io:8443/v1

auth0_domain: dagctl-us-1.us.auth0.com
current_project: "7b0c4b0e-3a1f-4c55-9f0e-8f2f3f1d2c4b"
current_project_id: 7b0c4b0e-3a1f-4c55-9f0e-8f2f3f1d2c4b
auth0_client_id: Web Shop 2
pg_proxy_port: 5432
"""

ODD = [
    "",
    "\n\n",
    "# only a comment\n",
    "a: yes\n",
    "a: 0755\n",
    "a: 1_000\n",
    "a: 1e3\n",
    "a: 12:30:45\n",
    "a: 2030-01-01\n",
    "a: ~\n",
    "a:\n",
    "a: null\n",
    "a: 'x'\n",
    'a: "x"\n',
    "a: [x]\n",
    "a: {b: c}\n",
    "a: x # y\n",
    "a: x y\n",
    "a: x: y\n",
    "a: x\n  y\n",
    "a: x\na: y\n",
    "a: |\n  x\n",
    "a: &x y\nb: *x\n",
    "--- \na: x\n",
    "a: x\n...\nb: y\n",
    "a: x\r\nb: y\r\n",
    "\ta: x\n",
    "a: .inf\n",
    "a: é\n",
    "é: a\n",
    "- a\n",
    "a\n",
    "a: x\u2028b: y\n",
    "a: ٣\n",
    "a : x\n",
    "a: http:\n",
    "a: x:\n",
    "?: x\n",
    "a: 99999999999\n",
    "a: 0\n",
    'a: ""\n',
    'a: "x # y: z"\n',
    'a: "\\n"\n',
    'a: "x" y\n',
    'a: "x\ny"\n',
    "a: x -y\n",
    "a: x : y\n",
    "a: 12345678-1234-1234-1234-123456789012\n",
    "a: 12345678-1234-1234-1234-1234567890123\n",
    "a: #\r>\n\na: ",
]


def both(text: str) -> None:
    """One reading equals the other, also in what it refuses."""
    assert outcome(read_settings, text) == outcome(read_mapping, text)


def outcome(read: Callable[[str], dict[str, Any]], text: str) -> object:
    try:
        return {key: (str(value), isinstance(value, str)) for key, value in read(text).items()}
    except YamlProblem as error:
        return str(error)


@pytest.mark.parametrize("text", [PLAIN, *ODD])
def test_examples(text: str) -> None:
    both(text)


words = st.text(st.sampled_from("abyYnN019_./@-: #'\"\n\t~|>&*!%[]{},?=<é\r"), max_size=12)
lines = st.tuples(st.sampled_from(["a", "b_1", "current_org", "1", "A", "é", "-"]), words).map(": ".join)


@given(st.lists(lines, max_size=4).map("\n".join))
def test_anything(text: str) -> None:
    both(text)


def test_what_programs_write_needs_no_library(tmp_path: Path) -> None:
    reading = f"from {plain.__name__} import read_settings; read_settings({PLAIN!r})"
    code = f"import sys; {reading}; print('ruamel.yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True)
    assert done.stdout == "False\n", done.stderr
