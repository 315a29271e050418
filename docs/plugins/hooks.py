"""MkDocs hooks: the site shows files that lie outside `docs/`.

`CHANGELOG.md` and `CONTRIBUTING.md` become pages. A source file that a page
links to (`../dat_keras/attacks/pgd.py`) becomes a page with its text, so that
the links of the Markdown files lead somewhere here as they do in a checkout.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "zoo/README.md": "zoo.md",
    "README.md": "index.md",
}
"""Files outside `docs/`, and the pages that stand for them."""

FETCHED = re.compile(
    r"<(?:script|img|iframe|link[^>]+stylesheet)[^>]+"
    r"(?:src|href)=[\"']?(?:https?:)?//[^>]*"
)
"""What a browser would load from another host."""

LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"(<pre.*?</pre>|<[^>]*>)", re.DOTALL)
UNBROKEN = re.compile(
    r"(?<![\w-])--?[a-z][\w-]{0,24}"
    r"|(?<![\w.])\d{1,3}(?: \d{3})+(?!\w)"
    r"|\(\d[\d.]* - \d[\d.]*\)|\[\d[\d.]*, \d[\d.]*\]|\d[\d.]* %"
)
"""What a browser would break after a hyphen or a space: options, intervals,
`49 000` and `95 %`."""
SUFFIXES = {".py": "python", ".sh": "bash", ".json": "json"}

SOURCE = """---
search:
  exclude: true
---
# {path}

````{language}
{text}
````
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from files outside `docs/`."""
    texts = {f.src_uri: f.content_string for f in files.documentation_pages()}
    for path, uri in PAGES.items():
        if uri not in texts:
            # As if it lay in docs/, where the hook on pages expects it.
            moved = _relinked((ROOT / path).read_text(), "", dirname(uri))
            texts[uri] = moved
            files.append(File.generated(config, uri, content=moved))
    linked = {
        path
        for uri, text in texts.items()
        for link in LINK.findall(text)
        if (path := _outside(uri, link)) is not None
    }
    for path in sorted(linked - PAGES.keys()):
        language = SUFFIXES.get(Path(path).suffix, "text")
        text = (ROOT / path).read_text().rstrip()
        page = SOURCE.format(path=path, language=language, text=text)
        files.append(File.generated(config, _page_of(path), content=page))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Leads links that leave `docs/` to the pages made above."""
    uri = page.file.src_uri

    def lead(match: re.Match[str]) -> str:
        path = _outside(uri, match[1])
        return match[1] if path is None else _link(_page_of(path), uri)

    return _prose(lead, markdown)


def on_page_content(
    html: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Keeps options and numbers on one line, outside of blocks of code."""
    parts = BLOCK.split(html)
    parts[::2] = [
        UNBROKEN.sub(r'<span class="unbroken">\g<0></span>', part)
        for part in parts[::2]
    ]
    return "".join(parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuses a page that needs the network to be read."""
    found = FETCHED.search(output)
    if found:
        raise PluginError(
            f"{page.file.src_uri} would fetch from another host: {found[0]}"
        )
    return output


def _outside(uri: str, link: str) -> str | None:
    """The file that a link of a page leads to, if that is outside `docs/`."""
    target = normpath(f"docs/{dirname(uri)}/{link}")
    inside = target.startswith("docs/") and not target.endswith(".py")
    return None if inside or not (ROOT / target).is_file() else target


def _page_of(path: str) -> str:
    return PAGES.get(path, f"source/{path}.md")


def _link(target: str, uri: str) -> str:
    return relpath(target, dirname(uri) or ".")


def _relinked(text: str, folder: str, moved_to: str) -> str:
    """A page of the root as a page of `docs/`: its links are one up."""

    def move(match: re.Match[str]) -> str:
        path = normpath(f"{folder}/{match[1]}".lstrip("/"))
        return relpath(path, f"docs/{moved_to}")

    return _prose(move, text)


def _prose(replace, text: str) -> str:
    """Replaces links outside of code blocks."""
    parts = FENCE.split(text)
    return "".join(
        part if i % 2 else LINK.sub(replace, part)
        for i, part in enumerate(parts)
    )
