"""What the converter writes reads as if a person had written it."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.domain.generation.test_comments import OWNERS
from tests.domain.generation.test_equality import CASES, MINIMAL
from tests.domain.generation.test_kinds import CASES as KINDS

SEVERAL = [MINIMAL + yaml for yaml, _ in OWNERS.values() if "--- " not in yaml] + [yaml for _, yaml in KINDS]
GOLDEN = Path(__file__).parent / "golden"
COMMENTED = (GOLDEN / "commented.yaml").read_text("utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is made of every case, and of the corpus."""
    from pathlib import PurePath

    from dagctl.adapters.yaml.documents import RuamelReader
    from dagctl.domain.generation.emitter import Provenance, module_of

    corpus = (Path(__file__).parents[4] / "shared" / "corpus").glob("*/*.y*ml")
    moments = "  a: 2024-01-02T03:04:05.123456+05:30\n  a_long_name_for_a_moment: [2024-01-02T03:04:05+02:00]\n"
    zoned = f"{MINIMAL}variables:\n{moments}"
    more = {f"more{number}": yaml for number, yaml in enumerate((zoned, *SEVERAL))}
    texts = {**CASES, **more, "commented": COMMENTED, **{path.parent.name: path.read_text("utf-8") for path in corpus}}
    folder = tmp_path_factory.mktemp("written")
    for name, text in texts.items():
        document = RuamelReader().read(text, name)
        module = module_of(document, Provenance("config.yaml", "Make it anew.", "shop"))
        (folder / PurePath(f"{name}.py")).write_text(module.text, "utf-8")
    return folder


def ruff(*arguments: str) -> str:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_has_nothing_to_lay_out_anew(written: Path) -> None:
    assert ruff("format", "--diff", "--isolated", str(written)) == ""


def test_ruff_finds_nothing_unused_or_out_of_order(written: Path) -> None:
    assert ruff("check", "--isolated", "--select", "E,F,I,W", "--ignore", "E501", str(written)) == ""


def test_comments_stay_with_what_they_explain(convert: Callable[..., str]) -> None:
    assert convert(COMMENTED) == (GOLDEN / "commented.py.txt").read_text("utf-8")


def test_no_comment_is_lost_or_doubled(convert: Callable[..., str]) -> None:
    python = convert(COMMENTED)
    for comment in (
        "It is small",
        "beside the name",
        "at the end of",
        "above the next",
        "of editors",
        "odd",
        "the end",
    ):
        assert python.count(comment) == COMMENTED.count(comment)


def test_a_plain_configuration_is_nothing_but_literals_and_one_call(convert: Callable[..., str]) -> None:
    tree = ast.parse(convert(MINIMAL))
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    imports = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert calls == ["project_config", "get_state_connection"]
    assert imports == ["get_state_connection", "project_config"]


def test_the_header_says_what_this_is_and_how_to_make_it_anew(convert: Callable[..., str]) -> None:
    header = ast.get_docstring(ast.parse(convert(MINIMAL)))
    assert header is not None
    assert header.startswith("SQLMesh configuration; its state is in the dagctl project shop.")
    assert "config.yaml.bak" in header
    assert "dagctl config generate" in header


@pytest.mark.parametrize("project", ['"""\nimport os', "it's", "back\\", 'quo"te', "naïve ✓", "a" * 100])
def test_a_project_of_any_name_is_pinned_and_runs_nothing(project: str) -> None:
    from dagctl.adapters.yaml.documents import RuamelReader
    from dagctl.domain.generation.emitter import Provenance, module_of

    text = module_of(RuamelReader().read(MINIMAL, "x"), Provenance("config.yaml", "Again.", project)).text
    tree = ast.parse(text)
    pinned = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "project"]
    assert [ast.literal_eval(value) for value in pinned] == [project]
    assert len(tree.body) == 4  # the header, two imports, the configuration


@pytest.mark.parametrize(
    ("yaml", "default"),
    [
        ("", '"prod"'),
        ("default_target_environment: dev\n", '"dev"'),
        ("default_target_environment: ''\n", '"prod"'),
        ("default_target_environment: {{ env_var('TARGET', 'dev') }}\n", "default_environment"),
    ],
)
def test_the_default_environment_is_the_effective_one(convert: Callable[..., str], yaml: str, default: str) -> None:
    assert f"default_environment={default}," in convert(MINIMAL + yaml)


def test_a_live_default_environment_is_named_once_and_used(convert: Callable[..., str]) -> None:
    python = convert(MINIMAL + "default_target_environment: {{ env_var('TARGET', 'dev') }}\n")
    assert 'default_environment = env_var("TARGET", "dev")\n' in python
    assert "    default_target_environment=default_environment,\n" in python
    assert python.count("TARGET") == 1
