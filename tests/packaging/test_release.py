"""What is released: the same bytes from any machine, complete, and nothing beside it."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from tests.packaging.release import ELSEWHERE, ROOT, build, checked

PAGES = {f"dagctl{group}.1" for group in ("", "-auth", "-config", "-protection", "-sandbox", "-state")}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a build in it."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder, ELSEWHERE[0], 0o077)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    """The wheel."""
    return zipfile.ZipFile(next(dist.glob("*.whl")))


def test_another_machine_builds_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    again = build(tmp_path, ELSEWHERE[1], 0o002)
    for file in dist.iterdir():
        assert file.read_bytes() == again[file.name], file.name


def test_the_checkers_are_content_and_nothing_else_is_there(dist: Path) -> None:
    checked(dist)


def test_the_wheel_brings_pages_and_completion(wheel: zipfile.ZipFile) -> None:
    shared = {name.partition(".data/data/")[2] for name in wheel.namelist() if ".data/" in name}
    completion = {
        "share/bash-completion/completions/dagctl",
        "share/fish/vendor_completions.d/dagctl.fish",
        "share/zsh/site-functions/_dagctl",
    }
    assert shared == {f"share/man/man1/{page}" for page in PAGES} | completion


def test_the_sdist_has_what_its_readme_and_its_tests_need(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"Makefile", "constraints.txt", "CHANGELOG.md", "LICENSE", "SECURITY.md", "CONTRIBUTING.md", "manual.py"}
    wanted |= {"docs/README.md", "src/dagctl/py.typed", "tests/packaging/release.py", ".ci/run"}
    assert wanted <= names
    assert not {name for name in names if "__pycache__" in name or name.endswith(".pyc")}


def test_what_an_index_shows(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(wheel.read(name))
    assert metadata["Author"]
    assert metadata.get_all("Project-URL")
    shown = str(metadata.get_payload())
    assert shown.startswith("# dagctl")
    assert "](docs/" not in shown
    assert "](CHANGELOG" not in shown


def test_a_build_leaves_nothing_in_the_repository(dist: Path) -> None:
    assert not (ROOT / "dist" / "dagctl.1").exists()


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    used = project.partition("dependencies = [")[2].partition("[project.urls]")[0]
    developed = project.partition("[dependency-groups]")[2].partition("\n[tool")[0].partition("\ndev = ")[0]
    page = (ROOT / "docs" / "explanation" / "supply-chain.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\w.,\- ]+) \| .+ \| .+ \| [\d.]+ \|$", page, re.MULTILINE)
    explained = {name for row in rows for name in row.split(", ")}
    names = set(re.findall(r'"([\w.-]+)[<>=]', used)) | set(re.findall(r'"([\w.-]+)(?=["<>=\[])', developed))
    assert names == explained


def test_psycopg2_has_one_provider() -> None:
    """psycopg2 and psycopg2-binary overwrite each other's files."""
    locked = (ROOT / "constraints.txt").read_text("utf-8")
    assert set(re.findall(r"^(psycopg2[\w-]*)==", locked, re.MULTILINE)) == {"psycopg2-binary"}


def test_what_is_locked_has_hashes_and_names_no_host() -> None:
    locked = (ROOT / "constraints.txt").read_text("utf-8")
    assert "://" not in locked
    for entry in re.split(r"\n(?=\S)", locked.strip()):
        assert re.match(r"[\w.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
