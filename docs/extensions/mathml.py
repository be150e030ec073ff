"""Formulas as MathML, which browsers draw by themselves: no script, no network, no LaTeX."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

_LOG = logging.getLogger(__name__)
_UNKNOWN = re.compile(r"<m[iot]>\\[A-Za-z]*")


def _mathml(node: nodes.Node, display: str) -> str:
    latex = node.astext()
    try:
        markup: str = convert(latex, display=display)
    except Exception as error:
        _LOG.warning("the formula %r cannot be drawn (%r)", latex, error, location=node)
        return ""
    unknown = _UNKNOWN.search(markup)
    if unknown:
        _LOG.warning("latex2mathml does not know %r in %r", unknown.group(), latex, location=node)
    return markup


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{_mathml(node, "inline")}</span>')
    raise nodes.SkipNode


def _block(self: Any, node: nodes.math_block) -> None:
    name = f' id="{node["ids"][0]}"' if node["ids"] else ""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    self.body.append(f'<div class="math"{name}>{_mathml(node, "block")}{number}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
