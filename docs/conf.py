"""How Sphinx builds these pages: `make docs`. Nothing is loaded from a network, at build time or by the reader."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

from facies import __version__  # noqa: E402

project = "Facies"
author = "The Facies developers"
copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "commands",
    "listings",
    "mathml",
    "parameters",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
default_role = "py:obj"

autosummary_generate = True
# A page left over from a name that is gone would be a page in no list, which is an error.
shutil.rmtree(HERE / "api" / "generated", ignore_errors=True)
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_title = "Facies"
html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["facies.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_copy_source = False
html_sidebars = {"index": [], "quickstart": [], "flow": [], "house": [], "command-line": []}
html_theme_options = {
    "logo": {"text": "Facies"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "show_prev_next": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}


def _leave_out(_app: Any, _what: str, name: str, member: Any, skip: bool, _options: Any) -> bool | None:
    """Leave out fields of named tuples, of which their class tells, and what scikit-learn adds to every estimator."""
    return True if type(member).__name__ == "_tuplegetter" or re.fullmatch("set_.*_request", name) else skip or None


def _escape(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Keep shapes such as (N, n_clusters_) and (n, *image_shape) from being read as links and as emphasis."""
    lines[:] = [re.sub(r"(?<![`\w])(\w+)_(?=[,)])", r"\1\\_", line).replace(", *image", r", \*image") for line in lines]


def setup(app: Any) -> None:
    """Connect what autodoc asks; the escapes come before numpydoc reads the lines."""
    app.connect("autodoc-skip-member", _leave_out)
    app.connect("autodoc-process-docstring", _escape, priority=400)
