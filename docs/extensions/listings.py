"""Lists of what lies in folders: the benchmark scripts, and pages of which there may be none yet."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

SCRIPTS = Path(__file__).parents[2] / "benchmarks"
NOT_MEASURING = {
    "atlas_tables",
    "consensus_tables",
    "how_far_page",
    "real_tables",
    "record",
    "sets",
    "side_by_side_page",
    "tables",
    "trust_page",
    "volume_tables",
}


class FaciesBenchmarks(SphinxDirective):
    """``facies-benchmarks``: each script in benchmarks/ with the first line of its docstring."""

    def run(self) -> list[nodes.Node]:
        """List the scripts."""
        self.env.note_reread()
        lines = []
        for path in sorted(SCRIPTS.glob("*.py")):
            docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
            if docstring and path.stem not in NOT_MEASURING:
                lines.append(f"`{path.name}`\n: {docstring.splitlines()[0]}\n")
        found: list[nodes.Node] = self.parse_text_to_nodes("\n".join(lines))
        return found


class FaciesPages(SphinxDirective):
    """``facies-pages FOLDER``: the pages in a folder of docs/; while there are none, what the directive says."""

    required_arguments: ClassVar[int] = 1
    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """Make a toctree of the pages: Sphinx warns of one without any."""
        self.env.note_reread()
        here, folder = Path(self.env.docname), self.arguments[0]
        pages = [path for path in (Path(self.env.srcdir) / folder).glob("*.md") if path.stem != here.name]
        toctree = ["```{toctree}", ":maxdepth: 1", ":glob:", "", f"/{folder}/*", "```"]
        found: list[nodes.Node] = self.parse_text_to_nodes("\n".join(toctree if pages else self.content))
        return found


def setup(app: Any) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("facies-benchmarks", FaciesBenchmarks)
    app.add_directive("facies-pages", FaciesPages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
