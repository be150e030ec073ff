"""Turns templates into HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies.report.formatting import format_distance, format_metric, format_share

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["render_template"]


def render_template(template: Path, context: Mapping[str, Any]) -> Markup:
    """Render a Jinja template; every text of the context that is no `Markup` is escaped.

    Parameters
    ----------
    template : Path
        The file. It may include files of its own folder. The filters ``share``, ``number`` and ``distance`` format
        numbers as `facies.report.formatting` does.
    context : mapping
        What the template names; a name that is missing is an error.

    Returns
    -------
    Markup
    """
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
