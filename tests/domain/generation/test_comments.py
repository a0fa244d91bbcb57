"""A comment stays with what it is about, in the order of the file, and none is lost."""

from __future__ import annotations

import io
import random
import re
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.domain.generation.test_equality import DEFAULTS, GATEWAYS, MINIMAL

from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.generation.emitter import Provenance, module_of

SHARED = Path(__file__).parents[4] / "shared"
CORPUS = sorted((SHARED / "corpus").glob("*/*.y*ml"))
PLAIN = MINIMAL + "log_limit: 5\n"


def converted(yaml: str) -> str:
    return module_of(RuamelReader().read(yaml, "config.yaml"), Provenance("config.yaml", "Again.", "shop")).text


def comments_of(python: str) -> list[tuple[str, str, str]]:
    """Each comment with the code beside it (or nothing), and the code of the line below the block that it is in."""
    tokens = tokenize.generate_tokens(io.StringIO(python).readline)
    lines = python.split("\n")
    found = []
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            beside = lines[row - 1][:column].strip()
            below = next(
                (line.strip() for line in lines[row:] if line.strip() and not line.strip().startswith("#")), ""
            )
            found.append((token.string.lstrip("#").strip(), beside, below))
    return found


def owner(python: str, comment: str) -> str:
    """The code that a reader takes the comment for: beside it, or else below it."""
    ((_, beside, below),) = [found for found in comments_of(python) if found[0] == comment]
    return beside or below


OWNERS: dict[str, tuple[str, dict[str, str]]] = {
    # beside dashes, and dashes alone on their line
    "beside_a_dash": ("users:\n  - # c1\n    username: a\n  - # c2\n    username: b\n", {"c1": '"a"', "c2": '"b"'}),
    "beside_a_dash_of_two": (
        "users:\n  - # c1\n    username: a\n    github_username: g\n  - username: b\n",
        {"c1": "{"},
    ),
    "beside_a_dash_before_a_scalar": ("ignore_patterns:\n  - # c1\n    a\n  - b\n", {"c1": '"a"'}),
    "a_dash_with_a_dash_in_its_comment": (
        "users:\n  - # c1 - a deputy\n    username: a\n  - username: b  # c2\n",
        {"c1 - a deputy": '"a"', "c2": '"b"'},
    ),
    "a_dash_on_its_own_line": (
        "users:\n  # c1\n  -\n    username: a\n  # c2\n  -\n    username: b\n",
        {"c1": '"a"', "c2": '"b"'},
    ),
    "below_a_dash": ("users:\n  -\n    # c1\n    username: a\n  -\n    username: b\n", {"c1": '"username": "a"'}),
    "dashes_at_the_column_of_the_key": (
        "users:\n# c1\n- username: a\n# c2\n- username: b  # c3\n# c4\nproject: p\n",
        {"c1": '"a"', "c2": "{", "c3": '"b"', "c4": "project="},
    ),
    "a_list_in_a_list": (
        "variables:\n  a:\n    - - 1  # c1\n      # c2\n      - 2\n    # c3\n    - - 3\n",
        {"c1": "1,", "c2": "2,", "c3": "[3]"},
    ),
    "an_empty_element": ("ignore_patterns:\n  - a\n  - # c1\n  - b\n", {"c1": "None"}),
    "a_commented_out_element": ("ignore_patterns:\n  - a\n  # - b  c1\n  - c\n", {"- b  c1": '"c"'}),
    "a_commented_out_element_at_the_end": (
        "ignore_patterns:\n  - a\n  # - b  c1\nproject: p\n",
        {"- b  c1": "],"},
    ),
    "a_list_of_lists_of_mappings": (
        "variables:\n  a:\n    - # c1\n      - k: 1  # c2\n        # c3\n        l: 2\n",
        {"c1": "[", "c2": '"k"', "c3": '"l"'},
    ),
    # children that are commented out, and continuations
    "commented_out_children": (
        "variables:\n  a:\n    # c1\n    # c2: v\n  c: 1\n  d: 2\n",
        {"c1": '"a"', "c2: v": '"a"'},
    ),
    "commented_out_children_at_the_end": ("variables:\n  c: 1\n  a:\n    # c1\nproject: p\n", {"c1": '"a"'}),
    "commented_out_children_of_the_last": ("variables:\n  c: 1\n  a:\n    # c1\n", {"c1": '"a"'}),
    "commented_out_children_and_a_word_beside": (
        "variables:\n  a:  # c1\n    # c2\n  c: 1\n",
        {"c1": '"a"', "c2": '"a"'},
    ),
    "commented_out_elements": (
        "before_all:\n  # - c1\n  # - c2\nproject: p\n",
        {"- c1": "before_all", "- c2": "before_all"},
    ),
    "commented_out_elements_at_the_column_of_the_key": (
        "before_all:\n# - c1\n# - c2\nproject: p\n",
        {"- c1": "before_all", "- c2": "before_all"},
    ),
    "commented_out_children_of_braces": ("variables: {}\n  # c1: 1\nproject: p\n", {"c1: 1": "variables"}),
    "commented_out_children_of_brackets": (
        "ignore_patterns: []\n  # - c1\n  # - c2\nproject: p\n",
        {"- c1": "ignore_patterns", "- c2": "ignore_patterns"},
    ),
    "a_commented_out_sibling": (
        "variables:\n  a:\n    x: 1\n    # c1: 2\n  b: 1\n",
        {"c1: 2": "},"},
    ),
    "a_commented_out_sibling_further_out": (
        "variables:\n  a:\n    x:\n      y: 1\n    # c1: 2\n  b: 1\n",
        {"c1: 2": "},"},
    ),
    "a_continuation": (
        "project: x  # c1\n            # c2\nusername: y\n",
        {"c1": "project=", "c2": "project="},
    ),
    "a_continuation_of_three": (
        "project: x  # c1\n            # c2\n            # c3\nusername: y\n# c4\nlog_limit: 5\n",
        {"c1": "project=", "c2": "project=", "c3": "project=", "c4": "log_limit="},
    ),
    "a_continuation_at_the_end": ("project: x  # c1\n            # c2\n", {"c1": "project=", "c2": "project="}),
    "a_continuation_beside_an_element": (
        "ignore_patterns:\n  - a  # c1\n       # c2\n  - b\n",
        {"c1": '"a"', "c2": '"a"'},
    ),
    "a_continuation_beside_a_mapping": (
        "variables:  # c1\n            # c2\n  a: 1\n",
        {"c1": "variables", "c2": "variables"},
    ),
    "a_continuation_that_is_not_quite_aligned": (
        "project: x  # c1\n              # c2\nusername: y\n",
        {"c1": "project=", "c2": "project="},
    ),
    "commented_out_children_of_null": ("variables:\n  a: ~\n    # c1\n  c: 1\n", {"c1": '"a"'}),
    "deeper_than_the_next_key": ("variables:\n  a: 1\n    # c1\n  b: 2\nproject: p\n", {"c1": '"b"'}),
    "deeper_than_the_last_key": ("variables:\n  a: 1\n    # c1\nproject: p\n", {"c1": "},"}),
    "less_deep_than_the_next_key": ("variables:\n# c1\n  a: 1\n  b: 2\n", {"c1": '"a"'}),
    "between_two_depths": ("variables:\n    a:\n        b: 1\n  # c1\nproject: p\n", {"c1": "project="}),
    "between_a_key_and_its_value": ("project:\n  # c1\n  x\nusername: y\n", {"c1": "project="}),
    "between_a_key_and_its_braces": (
        "variables:\n  # c1\n  {a: 1}\nusername: y\n",
        {"c1": "variables="},
    ),
    # in flow collections
    "in_braces": (
        "variables: {\n  a: 1,  # c1\n  # c2\n  b: 2,\n  # c3\n}\n",
        {"c1": '"a"', "c2": '"b"', "c3": "},"},
    ),
    "in_brackets": (
        "ignore_patterns: [\n  a,  # c1\n  b,  # c2\n  # c3\n  c\n  # c4\n]\n",
        {"c1": '"a"', "c2": '"b"', "c3": '"c"', "c4": "],"},
    ),
    "beside_the_opening_bracket": ("ignore_patterns: [  # c1\n  a, b\n]\n", {"c1": "ignore_patterns"}),
    "beside_the_closing_bracket": ("ignore_patterns: [\n  a, b\n]  # c1\nproject: p\n", {"c1": "ignore_patterns"}),
    "beside_both_brackets": (
        "ignore_patterns: [  # c1\n  a,\n  b\n]  # c2\nproject: p\n",
        {"c1": "ignore_patterns", "c2": "],"},
    ),
    "beside_a_flow_collection": ("variables: {a: {x: 1, y: 2}}  # c1\nproject: p\n", {"c1": "variables"}),
    "a_collection_in_a_collection": (
        "variables: {\n  a: [1, 2],  # c1\n  b: {  # c2\n    x: 1,  # c3\n    # c4\n  },  # c5\n  c: 3  # c6\n}\n",
        {"c1": '"a"', "c2": '"b"', "c3": '"x"', "c4": "},", "c5": "},", "c6": '"c"'},
    ),
    "an_empty_collection": ("ignore_patterns: [\n  # c1\n]\nproject: p\n", {"c1": "ignore_patterns"}),
    "below_a_flow_collection": ("variables: {a: 1}\n# c1\nproject: p\n", {"c1": "project="}),
    "a_comma_at_the_beginning": ("ignore_patterns: [\n  a  # c1\n  , b  # c2\n]\n", {"c1": '"a"', "c2": '"b"'}),
    "no_comment_in_quotes": ("ignore_patterns: [\n  '# x',  # c1\n  \"# y\",  # c2\n]\n", {"c1": "# x", "c2": "# y"}),
    # at texts of several lines
    "at_the_header_of_a_block": ("before_all:\n  - |  # c1\n    SELECT 1;\n    SELECT 2\n  - x\n", {"c1": '"""'}),
    "at_the_header_of_a_folded_block": ("project: >-  # c1\n  a\n  b\nusername: y\n", {"c1": "project="}),
    "below_a_block": (
        "before_all:\n  - |\n    SELECT 1;\n  # c1\n  - x\n# c2\nproject: p\n",
        {"c1": '"x"', "c2": "project"},
    ),
    "no_comment_in_a_block": ("before_all:\n  - |\n    # x\n    SELECT 1;\n# c1\nproject: p\n", {"c1": "project="}),
    "a_block_above_its_paragraph": (
        "variables:\n  # c1\n  a: |  # c2\n    x\n    y\n",
        {"c1": '"a"', "c2": '"a"'},
    ),
    "beside_quotes_of_two_lines": ('variables:\n  a: "x\n    y"  # c1\n  b: 1\n', {"c1": '"a"'}),
    # Jinja
    "jinja_beside": ("variables:\n  a: 1 {# c1 #}\n  b: 2\n", {"c1": '"a"'}),
    "jinja_above": ("variables:\n  {# c1 #}\n  a: 1\n  {#- c2 #}\n  b: 2\n", {"c1": '"a"', "c2": '"b"'}),
    "jinja_beside_a_number_sign": (
        'variables:\n  a: "#x" {# c1 #}\n  b: 2  # c2 {# c3 #}\n',
        {"c1": '"a"', "c2 {# c3 #}": '"b"'},
    ),
    "the_end_of_a_set": ("variables:\n  a: !!set {x, y  # c1\n    # c2\n    }\n  b: 1\n", {"c1": '"a"', "c2": '"a"'}),
    "jinja_in_a_comment": (
        "variables:\n  # c1 {{ env_var('X') }}\n  a: {{ env_var('X') }}  # c2\n",
        {"c1 {{ env_var('X') }}": '"a"', "c2": '"a"'},
    ),
    # anchors, and what gives way
    "an_alias": ("variables:\n  a: &a  # c1\n    x: 1  # c2\n  b: *a  # c3\n", {"c1": '"a"', "c2": '"x"', "c3": '"b"'}),
    "aliases_in_a_list": (
        "variables:\n  p: &p 1\n  l:\n    - *p  # c1\n    # c2\n    - *p  # c3\n    - - *p  # c4\n      - 3\n",
        {"c1": "1,", "c2": "1,", "c3": "1,", "c4": "1,"},
    ),
    "aliases_in_brackets": (
        "variables:\n  p: &p 1  # c1\n  # c2\n  l: [*p, *p]  # c3\n",
        {"c1": '"p"', "c2": '"l"', "c3": '"l"'},
    ),
    "beside_an_anchor_of_a_list": ("variables:\n  a: &a [1, 2]  # c1\n  b: *a\n", {"c1": '"a"'}),
    "a_set": ("variables:\n  a: !!set\n    ? x  # c1\n    ? y\n  b: 1\n", {"c1": '"a"'}),
    "document_marker": ("--- # c1\nproject: p\n", {"c1": "gateways="}),
}


@pytest.mark.parametrize("name", OWNERS)
def test_the_owner(name: str) -> None:
    yaml, owners = OWNERS[name]
    text = yaml + MINIMAL if name == "document_marker" else MINIMAL + yaml
    python = converted(text.replace("--- # c1\nproject: p\n" + MINIMAL, "--- # c1\n" + MINIMAL))
    assert {comment: wanted in owner(python, comment) for comment, wanted in owners.items()} == dict.fromkeys(
        owners, True
    ), python
    assert [comment for comment, _, _ in comments_of(python) if comment] == list(owners), "in the order of the file"


def test_there_are_fifty() -> None:
    assert len(OWNERS) >= 50


@pytest.mark.parametrize(
    ("yaml", "lines"),
    [
        ("# a\n# b\n\n# c\n" + PLAIN, ["# a", "# b", "#", "# c"]),
        ("# a\n\n\n\n# b\n\n" + PLAIN, ["# a", "#", "# b"]),
        (PLAIN + "\n# a\n\n# b\n", ["# a", "#", "# b"]),
        (MINIMAL + "# a\nproject: p\n\n# b\n\n# c\nlog_limit: 5\n", ["# a", "# b", "#", "# c"]),
    ],
)
def test_paragraphs_stay_apart(yaml: str, lines: list[str]) -> None:
    assert [line.strip() for line in converted(yaml).split("\n") if line.strip().startswith("#")] == lines


def test_a_comment_that_moves_above_does_not_melt_into_another() -> None:
    python = converted(MINIMAL + "# Section\nproject: " + "x" * 60 + "  # a remark on the project\n")
    assert "    # Section\n    #\n    # a remark on the project\n    project=" in python


def test_comments_of_a_state_connection_that_gives_way_are_kept() -> None:
    state = "    state_connection:  # c1\n      type: postgres  # c2\n      # c3\n      host: h\n"
    python = converted(GATEWAYS + state + DEFAULTS)
    assert [owner(python, comment) for comment in ("c1", "c2", "c3")] == [
        '"state_connection": get_state_connection('
    ] * 3
    assert "postgres" not in python


CASES = {path.parent.name: path for path in sorted((SHARED / "cases" / "comments").glob("comment_*/config.yaml"))}
EXPECTED = {
    "comment_beside_dash": {"the boss": '"a"', "the deputy": '"b"'},
    "comment_block_scalar_header": {"why this is here": '"""', "folded on purpose": '"note"'},
    "comment_commented_out_children": {"nothing yet": '"a"', "k: v": '"a"'},
    "comment_continuation_aligned": {"one": "project=", "two, going on from one": "project="},
    "comment_dash_on_own_line": {"first": '"a"', "second": '"b"'},
    "comment_in_flow_collection": {
        "the engine": '"type"',
        "the file": '"database"',
        "star": "invalidselectstarexpansion",
        "about ambiguity": "ambiguousorinvalidcolumn",
    },
    "comment_paragraphs": {"It is a development setting.": "gateways=", "sqlmesh plan": "gateways="},
}


@pytest.mark.parametrize("name", CASES)
def test_the_shared_cases(name: str) -> None:
    python = converted(CASES[name].read_text("utf-8"))
    for comment, wanted in EXPECTED[name].items():
        assert wanted in owner(python, comment), python
    if name == "comment_paragraphs":
        assert python.count("    #\n") == 2


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.parent.name)
def test_numbered_comments_in_the_corpus(path: Path, load: Callable[[str, str], object]) -> None:
    """Comments at random places (where SQLMesh takes them for such): none is lost, and none out of order."""
    text = path.read_text("utf-8")
    chance = random.Random(path.parent.name)
    reader = RuamelReader()
    plain = reader.read(text, path.name).root
    assert plain is not None
    for _ in range(8):
        numbered, count = with_comments(text, chance)
        root = reader.read(numbered, path.name).root
        assert root is not None
        python = converted(numbered)
        numbers = [int(found) for found in re.findall(r"# c(\d+) !", python)]
        assert numbers == list(range(count)), f"{numbered}\n{python}"


def with_comments(text: str, chance: random.Random) -> tuple[str, int]:
    """The text with numbered comments, beside lines and above them at any depth, but not inside of texts."""
    lines, count = [], 0
    inside: int | None = None  # the column of the key whose block of lines this is
    for line in text.rstrip("\n").split("\n"):
        column = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and column <= inside:
            inside = None
        if inside is None and chance.random() < 0.3:
            lines.append(f"{' ' * chance.choice([column, 0, column + 2, 8])}# c{count} !")
            count += 1
        header = re.search(r"[|>][+-]?\s*$", line)
        bare = inside is None and line.strip() and "#" not in line
        if bare and chance.random() < 0.3:
            line = f"{line}  # c{count} !"
            count += 1
        if inside is None and header is not None:
            inside = column
        lines.append(line)
    return "\n".join(lines) + "\n", count
