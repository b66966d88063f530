"""What MkDocs is asked to do for `make docs`: links out of the documents, the index of decisions.

The site has the documents alone. A link to another file of the repository becomes the file's name,
and a file that does not exist is a warning, which fails the build. A paragraph that is only a link
to a YAML file, as in the cookbook, is followed by the file's text.
"""

import logging
import re
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

_DOCUMENTS: Final = ROOT / "docs"
_LINK: Final = re.compile(r"\[([^\]\n]+)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")
_SHOWN: Final = re.compile(r"^\[[^\]\n]+\]\((\.\./[^)#\s]+\.yaml)\)$", re.MULTILINE)

# MkDocs counts what its loggers warn of: strict builds fail.
_log: Final = logging.getLogger("mkdocs.hooks.docs_site")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page's text as the site has it; MkDocs calls it."""
    if page.file.src_uri == "maintainers/decisions.md":
        for title in not_in_index(markdown):
            _log.warning("the index of decisions.md lacks: %s", title)
    return without_outer_links(with_files(markdown, page.file.src_uri), page.file.src_uri)


def with_files(markdown: str, page: str) -> str:
    """Return a page's text with the YAML files that paragraphs of it consist of a link to.

    Parameters
    ----------
    page
        Where the page is below `docs`.
    """
    directory = (_DOCUMENTS / page).parent

    def shown(link: re.Match[str]) -> str:
        file = directory / link[1]
        # One that does not exist is warned of as all links are.
        text = f"\n\n```yaml\n{file.read_text(encoding='utf-8')}```" if file.exists() else ""
        return link[0] + text

    return _SHOWN.sub(shown, markdown)


def without_outer_links(markdown: str, page: str) -> str:
    """Return a page's text without the links that lead out of the site.

    Parameters
    ----------
    page
        Where the page is below `docs`.
    """
    directory = (_DOCUMENTS / page).parent

    def named(link: re.Match[str]) -> str:
        text, address, _ = link.groups()
        file = (directory / address).resolve()
        if file.is_relative_to(_DOCUMENTS):
            return link[0]
        if not file.exists():
            _log.warning("%s links to %s, which does not exist", page, address)
        name = file.relative_to(ROOT).as_posix()
        return text if text.strip("`") == name else f"{text} (`{name}`)"

    return _LINK.sub(named, markdown)


def not_in_index(markdown: str) -> list[str]:
    """Return the numbered headings of a page that no link on it leads to."""
    linked = set(re.findall(r"\]\(#([^)]+)\)", markdown))
    titles = re.findall(r"^## (D\d{3} .+)$", markdown, re.MULTILINE)
    return [title for title in titles if _anchor(title) not in linked]


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
