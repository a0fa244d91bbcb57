"""Jinja that does not decide on the structure becomes literal Python, which is equal whatever the variables hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import count

import pytest
from tests.domain.generation.conftest import ORDINARY, environments
from tests.domain.generation.test_equality import DEFAULTS, GATEWAYS, MINIMAL

IF = "{{% if env_var('{0}', 'yes') == 'yes' %}}{1}{{% else %}}{2}{{% endif %}}"
BLOCK = "{% if env_var('X') %}\n    SELECT 1;\n    {% endif %}"
X, Y = "{{ env_var('X', 'd') }}", '{{ env_var("Y") }}'


def settings(*values: str) -> list[str]:
    """A setting of its own for each value."""
    return [f"{MINIMAL}variables:\n  a: {value}\n  z: 1\n" for value in values]


KINDS: dict[str, list[str]] = {
    "if_within_a_scalar": [
        *settings(
            IF.format("X", "true", "false"),
            IF.format("X", "1", "text"),
            f'"{IF.format("X", "a", "b")}"',
            f"'{IF.format('X', 'a', 'b')}'",
            f"pre_{IF.format('X', 'a', 'b')}_post",
            f"{IF.format('X', X, Y)}",
            "{% if env_var('X') %}a{% elif env_var('Y') %}b{% else %}c{% endif %}",
            "{% for n in [1, 2] %}{{ n }}{% endfor %}",
            "{% if true %}{% if env_var('X') %}a{% endif %}{% endif %}b",
            "[{% if env_var('X') == 'value_1' %}p, q{% else %}r{% endif %}]",
            "!!str {% if env_var('X') %}1{% else %}2{% endif %}",
            "{% raw %}'{{ not jinja }}'{% endraw %}",
        ),
        f"gateways:\n  local:\n    connection: {{type: {IF.format('X', 'duckdb', 'duckdb')}}}\n{DEFAULTS}",
        f"{MINIMAL}before_all:\n  - {IF.format('X', 'SELECT 1', 'SELECT 2')}  # why\n",
    ],
    "a_live_key": [
        f"{MINIMAL}environment_catalog_mapping:\n  {key}: development\n  prod: production\n"
        for key in (X, Y, "{{ env_var('X') }}_x", "pre_{{ env_var('X') }}", "{{env_var('X')}}", "{{ user() }}")
    ]
    + [
        f"{MINIMAL}variables:\n  {X}: 1\n  {Y}: two\n",
        f"{MINIMAL}variables:\n  {X}:\n    a: 1\n    b: 2\n",
        f"{MINIMAL}variables:\n  b:\n    {X}: [1, 2]\n",
        f"{MINIMAL}variables: {{ {X}: 1, b: 2}}\n",
        f"{MINIMAL}physical_schema_mapping:\n  {X}: a  # beside\n",
        f"{MINIMAL}variables:\n  '{X.replace(chr(39), chr(34))}': 1\n",
    ],
    "in_a_block": [
        f"{MINIMAL}before_all:\n  - |\n    SET ROLE {X};\n",
        f"{MINIMAL}before_all:\n  - |\n    SET ROLE {X};\n  - SELECT 1\n",
        f"{MINIMAL}before_all:\n  - |-\n      SELECT 1;\n        SELECT {X};\n\n      SELECT {Y}\nproject: p\n",
        f"{MINIMAL}before_all:\n  - |+\n    SELECT {X}\n\nproject: p\n",
        f"{MINIMAL}before_all:\n  - >\n    SELECT\n    {X}\nproject: p\n",
        f"{MINIMAL}before_all:\n  - >-\n    SELECT\n\n    {X}\nproject: p\n",
        f"{MINIMAL}before_all:\n  - |\n    {BLOCK}\n    SELECT 2\nproject: p\n",
        f"{MINIMAL}before_all:\n  - |\n    SELECT 0;\n    {BLOCK.replace('{%', '{%-')}\n    SELECT 2\nproject: p\n",
        f"{MINIMAL}before_all:\n  - |  # why\n    SELECT {X}\n  # next\n  - b\n",
        f'{MINIMAL}variables:\n  a: |\n    {X}\n  b: >-\n    it\'s "{Y}"\n',
        f"{MINIMAL}variables:\n  a: |\n    one {{# note #}}\n    two {X}\n  b: 1\n",
        f"{MINIMAL}variables:\n  a: &t |\n    {X}\n  b: *t\n",
    ],
    "within_brackets": [
        f"gateways:\n  g:\n    connection: {{type: duckdb, database: {X}}}\n{DEFAULTS}",
        f"gateways: {{g: {{connection: {{type: duckdb, database: {X}}}}}}}\n{DEFAULTS}",
        f"{GATEWAYS}model_defaults: {{dialect: duckdb, owner: {X}}}\n",
        *settings(
            f"[{X}]",
            f"[{X}, b]",
            f"[b, {X}]",
            f"{{c: {X}, d: {Y}}}",
            f"{{c: pre_{X}, d: 'x'}}",
            f"[[{X}], {{d: {Y}}}]",
            f"[\n    {X},  # c\n    b,\n  ]",
            f"{{\n    c: {X},  # c\n    d: {Y}\n  }}",
            "[{{ env_var('X') | upper }}, {{ 1 + 1 }}]",
        ),
    ],
    "a_comment_of_jinja": [
        *settings("1 {# note #}", f"{X} {{# note #}}", f'"{X}" {{# note #}}'),
        f"{{# note #}}\n{MINIMAL}",
        f"{{#\n  note\n  of two lines\n#}}\n{MINIMAL}variables: {{a: 1}}\n",
        f"{MINIMAL}variables:\n  {{# note #}}\n  a: 1\n",
        f"{MINIMAL}variables:\n  a: 1\n  {{#- note #}}\n  b: 2\n",
        f"{MINIMAL}variables:\n  a: 1\n{{# note -#}}\nproject: p\n",
        f"{MINIMAL}{{# note -#}}\n  variables: {{a: {X}}}\n",
        f"{MINIMAL}variables:\n  a: |\n    one {{# note #}}\n    two\n  b: 1\n",
        f'{MINIMAL}variables:\n  a: "x{{# note #}}y"\n',
        f"{MINIMAL}# yaml {{# and jinja #}}\nproject: p\n",
    ],
    "whitespace_that_is_eaten": [
        *settings(
            "\"{{- env_var('X') -}}\"",
            "\"a {{- env_var('X') -}} b\"",
            '\'a {{- env_var("X", "d") }} b\'',
            "a {{- env_var('X', 'd') }}",
            "a {{- env_var('X', 'd') -}} b",
            "{{ env_var('X', 'd') -}} b",
            "\"{{ env_var('X') -}} {{- env_var('Y') }}\"",
            "\"{%- if env_var('X') -%} a {%- endif -%}\"",
            '"{{+ 1 }}"',
            "pre {%- if env_var('X') %} a{% endif %}",
        ),
        f"{MINIMAL}before_all:\n  - |\n    SELECT {{{{- env_var('X') -}}}} ;\n  - b\n",
        f"{MINIMAL}variables:\n  a: {{{{ env_var('X', 'd') -}}}}\n",
    ],
    "over_two_lines": [
        *settings(
            "{{ env_var(\n    'X') }}",
            "{{ env_var('X',\n       'd') }}",
            "{{\n    env_var('X', 'd')\n  }}",
            "\"{{ env_var(\n    'X') }}\"",
            "'{{ env_var(\n    \"X\") }}'",
            "{{ env_var('X', 'd')\n     | upper }}",
            "pre_{{ env_var(\n   'X') }}_post",
            "[{{ env_var(\n   'X', 'd') }}, b]",
            "\"a {{ env_var('X') }}\n     b {{ env_var('Y') }}\"",
            "{{ env_var('X', 'd') }}\n     and more",
            "{{ {'a':\n  1}['a'] }}  # beside",
        ),
        f"{MINIMAL}before_all:\n  - |\n    SELECT {{{{ env_var(\n      'X') }}}}\n  - b\n",
    ],
}
CASES = [(kind, yaml) for kind, texts in KINDS.items() for yaml in texts]
_numbers = count()


@pytest.mark.parametrize(("kind", "yaml"), CASES, ids=[f"{kind}-{next(_numbers)}" for kind, _ in CASES])
def test_it_is_literal_and_equal(
    kind: str, yaml: str, convert: Callable[..., str], compare: Callable[..., int]
) -> None:
    python = convert(yaml)
    assert "yaml_settings" not in python
    awkward = kind in TAKES_ALL and "[{{" not in yaml and ": {a" not in yaml
    sets = [some for some in environments(yaml) if awkward or set(some.values()) <= {*ORDINARY}]
    assert compare(yaml, python, sets) >= 1, "SQLMesh loads it under no set of variables"


TAKES_ALL = {"if_within_a_scalar", "in_a_block", "a_comment_of_jinja", "whitespace_that_is_eaten", "over_two_lines"}
"""Kinds whose values may be as awkward as can be; of keys and of what is in brackets, see `EXCEPT` in test_equality."""


def test_there_are_a_dozen_of_each() -> None:
    assert {kind: len(texts) for kind, texts in KINDS.items() if len(texts) < 12} == {}


@pytest.mark.parametrize(
    "text",
    [
        "gateways:\n  {% for n in ['a', 'b'] %}\n  {{ n }}:\n    connection: {type: duckdb}\n"
        "    state_connection:\n      type: duckdb\n      database: hush.db\n    state_schema: s\n  {% endfor %}\n",
        "{% set n = 'a' %}\ngateways:\n  {{ n }}:\n    state_connection: {type: duckdb}\n"
        "    connection: {type: duckdb}\n",
        "{% if env_var('X') %}\nvariables: {a: 1}\n{% endif %}\ngateways:\n  g:\n    state_connection:\n\n      # why\n"
        "      type: duckdb\n    connection: {type: duckdb}\n",
    ],
)
def test_what_stays_yaml_has_no_dead_state_connection(
    text: str, convert: Callable[..., str], compare: Callable[..., int]
) -> None:
    python = convert(text + DEFAULTS)
    assert "# Jinja decides the structure of these settings, so they stay YAML." in python
    yaml = python.partition('"""\\\n')[2].partition('"""')[0]
    assert not re.search("state_connection|hush", yaml)
    assert ("# why" in yaml) is ("# why" in text)
    assert compare(text + DEFAULTS, python, environments(text))


def test_text_about_a_state_connection_is_text(convert: Callable[..., str], compare: Callable[..., int]) -> None:
    variables = (
        "variables:\n  {% if env_var('X') %}\n  a: 1\n  {% endif %}\n  text: |\n    state_connection: none\n      b\n"
    )
    text = f"{MINIMAL}{variables}"
    assert compare(text, convert(text), environments(text))


@pytest.mark.parametrize(
    "text",
    [
        "# {% if env_var('X') %}\n{0}# {% endif %}\n",
        "variables: { {{ env_var('X') }} }\n{0}",
        "variables:\n  {% if env_var('X') %}\n  a: 1\n  {% endif %}\n  b: 2\n{0}",
        "{0}variables:\n  a: |2\n     {{ env_var('X') }}\n",
    ],
)
def test_where_jinja_could_be_more_than_a_scalar_it_stays(text: str, convert: Callable[..., str]) -> None:
    assert "yaml_settings" in convert(text.replace("{0}", MINIMAL))


PRETTY: Mapping[str, str] = {
    "a: \"{{ env_var('X') }}\"": '"a": env_text("X")',
    "a: '{{ env_var(\"X\") }}'": '"a": env_text("X", escapes=False)',
    "a: \"{{ env_var('X') }}_x\"": '"a": yaml_text("{{ env_var(\'X\') }}_x")',
    'a: it\'s "x"': "\"a\": '''it's \"x\"'''",
    'a: say "it\'s" so': '"a": """say "it\'s" so"""',
    "a: {{ env_var('X') }}": '"a": env_var("X")',
    "a: [{{ env_var('X') }}, b]": '"a": [*yaml_items("{{ env_var(\'X\') }}"), "b"]',
    "a: |\n    SELECT {{ env_var('X') }};\n    SELECT 2\n  b: 1": (
        '"a": yaml_block("""\\\nSELECT {{ env_var(\'X\') }};\nSELECT 2\n"""),'
    ),
}


@pytest.mark.parametrize(("yaml", "python"), PRETTY.items())
def test_it_reads_as_a_person_would_write_it(yaml: str, python: str, convert: Callable[..., str]) -> None:
    assert python in convert(f"{MINIMAL}variables:\n  {yaml}\n")


def test_many_gateways_share_one_function(convert: Callable[..., str], compare: Callable[..., int]) -> None:
    yaml = "gateways:\n" + "".join(f"  g{n}:\n    connection: {{type: duckdb}}\n" for n in range(16)) + DEFAULTS
    python = convert(yaml)
    assert python.count("default_environment=") == python.count('project="shop"') == 1
    assert python.count('"state_connection": state_connection("g') == 16
    assert compare(yaml, python)
