"""Hooks of `mkdocs.yml`: the pages at the top of the repository are on the site too.

Every link is written as it works in the repository. MkDocs knows `docs/` alone, so links that lead out of it, or into
it from above, are turned here.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
TOP = {name: f"{name.lower()}" for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")} | {
    "README.md": "index.md"
}
"""Files at the top of the repository, and the pages that they become."""
PLACES = TOP | {"docs/README.md": "index.md"}
LINK = re.compile(r"(?<=\]\()([^):#\s]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from above `docs/`."""
    for name, page in TOP.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page."""
    here = page.file.src_uri
    source = next((name for name, place in TOP.items() if place == here), f"docs/{here}")
    return LINK.sub(lambda link: turned(link[0], source, here), markdown)


def turned(link: str, source: str, page: str) -> str:
    """A link of the file `source` in the repository, for the `page` that it has become."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    place = PLACES.get(target) or target.removeprefix("docs/")
    return posixpath.relpath(place, posixpath.dirname(page) or ".")
