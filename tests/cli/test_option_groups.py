"""Options in groups are options like others."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from facies.cli.option_groups import OptionGroup, flatten_options


@dataclass(frozen=True, kw_only=True)
class Size(OptionGroup):
    height: Annotated[int, typer.Option(min=1, help="In pixels.")] = 4
    name: Annotated[str | None, typer.Option("--label")] = None


def draw(context: typer.Context, source: str, *, before: bool = False, size: Size, after: int = 1) -> None:
    """Draw."""
    typer.echo(f"{context.info_name} {source} {before} {size.height} {size.name} {after}")


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(flatten_options(draw))
    return app


def test_each_option_of_a_group_stands_where_the_group_stands() -> None:
    flat = inspect.signature(flatten_options(draw)).parameters
    assert list(flat) == ["context", "source", "before", "height", "name", "after"]
    assert flat["height"].default == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "draw a False 4 None 1"),
        (["a", "--height", "7", "--label", "x", "--after", "3", "--before"], "draw a True 7 x 3"),
    ],
)
def test_the_command_gets_its_group(app: typer.Typer, words: list[str], said: str) -> None:
    assert CliRunner().invoke(app, words).stdout.strip() == said


def test_an_option_of_a_group_is_checked(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["a", "--height", "0"]).exit_code == 2
