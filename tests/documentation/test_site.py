"""The site that `make docs` builds from these pages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.documentation.pages import PAGES, ROOT

pytest.importorskip("material", reason="MkDocs and its theme are not installed")

WORDS = (
    "uninstall",
    "upgrade",
    "leave 0.4.1",
    "GitHub Actions",
    "GitLab",
    "Airflow",
    "Dagster",
    "notebooks",
    "VS Code",
    "async",
    "SSH",
    "WSL",
    "Docker",
    "threat",
)
"""What people look for."""

LINK = re.compile(r"\]\(([^)\s]+)\)")
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_each_page_is_on_it(site: Path) -> None:
    made = {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html"}
    wanted = {page.removeprefix("docs/").removesuffix(".md") + ".html" for page in PAGES if page.startswith("docs/")}
    wanted = {name.replace("/README.html", "/index.html") for name in wanted}
    wanted |= {f"{Path(name).stem.lower()}.html" for name in TOP}
    assert made == wanted - {"README.html", "readme.html"} | {"index.html"}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_people_look_for_leads_to_a_heading(word: str, site: Path) -> None:
    found = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    assert [entry["location"] for entry in found if word.lower() in entry["title"].lower()]


class Loaded(HTMLParser):
    """The addresses that a page has the browser load by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get("href") if tag == "link" and found.get("rel") != "canonical" else found.get("src")
        self.addresses += [address] if address else []


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert loaded.addresses
        assert [address for address in loaded.addresses if urlsplit(address).netloc] == [], page


def test_what_is_wrong_fails_the_build(tmp_path: Path) -> None:
    for name in ("mkdocs.yml", *TOP):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("docs", "tests/documentation"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "docs" / "how-to" / "lost.md").write_text("# In no menu\n")
    with (tmp_path / "docs" / "reference" / "examples.md").open("a") as page:
        page.write("[a](nowhere.md) [b](settings.md#nothing) [c](/absolute.md) [d](../../README.md#nothing)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    for said in ("how-to/lost.md", "nowhere.md", "settings.md#nothing", "/absolute.md", "index.md#nothing"):
        assert re.search(f"WARNING.*(\n.*)?{re.escape(said)}", done.stderr), f"{said}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_file_where_the_pages_lie(page: str) -> None:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in LINK.findall(text) if not urlsplit(link).scheme]
    assert [link for link in links if link and not (ROOT / page).parent.joinpath(link).exists()] == []
