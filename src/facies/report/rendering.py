"""Turns templates into HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies.report.formatting import format_distance, format_metric, format_share

if TYPE_CHECKING:
    from markupsafe import Markup


def render_template(template: Path, context: Mapping[str, Any]) -> Markup:
    """Render a Jinja template, which may include files of its folder; text of the context that is no `Markup` is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"share": format_share, "number": format_metric, "distance": format_distance}
    return Markup(environment.get_template(template.name).render(context))  # noqa: S704 - escaped by Jinja
