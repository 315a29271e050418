"""Merges new metadata into a model card that was edited by hand."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import yaml

OWNED = frozenset(
    "library_name pipeline_tag license tags datasets metrics "
    "model-index".split()
)
"""Metadata that a push replaces; all other is the user's."""

_FRONT = re.compile(r"\A\s*---\r?\n(.*?)^---\s*?$\r?\n?", re.DOTALL | re.M)
_MARK = re.compile(r"\n<!-- dat_keras ([0-9a-f]{16}) -->\n\Z")


def merge_card(theirs: str, ours: str) -> str:
    """The new card, or a card edited by hand with the new metadata.

    Args:
        theirs: The card that is there.
        ours: The card to be published.

    Returns:
        `ours` if nobody edited the text of `theirs`; else the text of
        `theirs`, with our values of the metadata that we know of.

    Example:
    >>> print(merge_card("---\\nlanguage: en\\n---\\nMine.\\n",
    ...                  "---\\nlicense: mit\\n---\\nOurs.\\n"))
    ---
    language: en
    license: mit
    ---
    Mine.
    """
    their_data, their_body = _parts(theirs)
    our_data, our_body = _parts(ours)
    mark = _MARK.search(their_body)
    if mark and _digest(their_body[: mark.start()]) == mark[1]:
        their_body = our_body
    foreign = {k: v for k, v in their_data.items() if k not in OWNED}
    if not foreign and their_body == our_body:
        return ours
    text = yaml.safe_dump(
        foreign | our_data, sort_keys=False, allow_unicode=True
    )
    return document(text, their_body)


def document(metadata: str, body: str) -> str:
    """A card of its two parts.

    Args:
        metadata: YAML.
        body: Markdown.

    Example:
    >>> document("license: mit", "Text.")
    '---\\nlicense: mit\\n---\\nText.'
    """
    return f"---\n{metadata.strip()}\n---\n{body}"


def _parts(text: str) -> tuple[dict[str, Any], str]:
    found = _FRONT.match(text)
    if not found:
        return {}, text
    try:
        data = yaml.safe_load(found[1])
    except yaml.YAMLError:
        data = None
    return data if isinstance(data, dict) else {}, text[found.end() :]


def marked(body: str) -> str:
    """Adds a mark by which a later push sees whether the text was edited.

    Args:
        body: Markdown.

    Example:
    >>> print(marked("Text."))
    Text.
    <!-- dat_keras f06dce27b84e18cc -->
    <BLANKLINE>
    """
    return f"{body}\n<!-- dat_keras {_digest(body)} -->\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
