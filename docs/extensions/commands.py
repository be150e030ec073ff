"""The directive ``facies-command NAME``: what ``facies NAME --help`` says, read from the command itself."""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def _command(name: str | None) -> Any:
    import typer

    from facies.cli import app

    group = typer.main.get_command(app)
    return group.commands[name] if name else group


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        return option.show_default
    if option.default is None or option.is_flag:
        return ""
    return f"`{option.default}`"


def _rows(options: list[Any]) -> list[str]:
    rows = []
    for option in options:
        names = ", ".join(option.opts)
        value = "" if option.is_flag else f" {option.metavar or 'N'}"
        rows.append(f"| {_cell(f'`{names}{value}`')} | {_cell(option.help)} | {_cell(_default(option))} |")
    return rows


def _lines(name: str | None) -> list[str]:
    command = _command(name)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    if name is None:
        lines = ["| command | what it does |", "|---|---|"]
        return lines + [f"| [`facies {n}`](#facies-{n}) | {_cell(c.help)} |" for n, c in command.commands.items()]
    words = [a.metavar if a.required else f"[{a.metavar}]" for a in arguments]
    words += [f"{o.opts[-1]} {o.metavar}" for o in options if o.required]
    lines = ["```text", " ".join(["facies", name, *words, "[OPTIONS]"]), "```", "", command.help, ""]
    lines += [f"`{a.metavar}`\n: {a.help}\n" for a in arguments]
    lines += ["| option | meaning | default |", "|---|---|---|", *_rows(options), ""]
    example = command.epilog.removeprefix("Example: ")
    return "\n".join([*lines, "```bash", example, "```"]).split("\n")


class FaciesCommand(SphinxDirective):
    """Without a name: the list of all commands."""

    optional_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Parse what the command says as Markdown."""
        name = self.arguments[0] if self.arguments else None
        found: list[nodes.Node] = self.parse_text_to_nodes("\n".join(_lines(name)))
        return found


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("facies-command", FaciesCommand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
