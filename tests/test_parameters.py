"""Parameters as dataclass fields: names, texts, types, ranges, and what is said of a value that is not allowed."""

from __future__ import annotations

import dataclasses
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone

from facies.errors import InputError
from facies.parameters import (
    Count,
    Fraction,
    Positive,
    Settings,
    Weight,
    as_type,
    check_parameters,
    describe_type,
    parameter_values,
    parameters_of,
    set_parameters,
    settings,
    translate_names,
)


@dataclass(kw_only=True)
class Oven(Settings):
    """An oven."""

    degrees: Annotated[float, Interval(ge=50, le=250)] = 180.0
    """How hot it is; more burns."""
    minutes: Count | Literal["auto"] = 30
    """For how long;
    ``auto`` looks."""


@dataclass(kw_only=True)
class Convection(Oven):
    """An oven with a fan."""

    fan: bool = True
    """Whether the fan is on."""
    degrees: Annotated[float, Interval(ge=50, le=250)] = 160.0


@dataclass(kw_only=True, eq=False, repr=False)
class Recipe(BaseEstimator):
    """What all recipes have."""

    persons: Count = 4
    """Who eats."""
    oven: Oven = settings(Oven)
    """Where it bakes."""


@dataclass(kw_only=True, eq=False, repr=False)
class Cake(Recipe):
    """A cake."""

    sugar: Fraction = 0.3
    """Share of sugar."""
    flour: Positive | None = None
    """Grams; null weighs none."""
    yeast: Weight = 0.0
    """Grams."""
    dough: Literal["batter", "shortcrust"] = "batter"
    """Kind of dough."""
    layers: tuple[Annotated[int, Interval(ge=0, le=3)], ...] = (1, 2)
    """Heights."""
    salt: Annotated[float, Gt(0), Lt(1)] = 0.5
    """Between the ends."""
    eggs: Annotated[int, Gt(0), Lt(13)] = 3
    """Fewer than a dozen and one."""
    name: str = "cake"
    """Any words."""
    vegan: bool = False
    """Without eggs."""
    oven: Convection = settings(Convection, minutes="auto")
    """A better one."""


NAMES = (
    *("sugar", "flour", "yeast", "dough", "layers", "salt", "eggs", "name", "vegan"),
    *("oven.fan", "oven.degrees", "oven.minutes", "persons"),
)


def changed(**values: Any) -> Cake:
    """A cake with parameters by their dotted names, dots written as two underscores."""
    cake = Cake()
    set_parameters(cake, {name.replace("__", "."): value for name, value in values.items()})
    return cake


def test_every_parameter_by_its_dotted_name_those_of_the_subclass_first():
    known = parameters_of(Cake)
    assert tuple(known) == NAMES
    assert all(name == parameter.name for name, parameter in known.items())
    assert known["sugar"].type == Fraction
    assert known["oven.minutes"].type == Count | Literal["auto"]
    assert parameter_values(Cake()) == {name: parameter.default for name, parameter in known.items()}


def test_defaults_are_those_of_the_field_that_holds_the_settings():
    defaults = {name: parameter.default for name, parameter in parameters_of(Cake).items()}
    assert defaults["oven.minutes"] == "auto"
    assert defaults["oven.degrees"] == 160.0
    assert parameters_of(Recipe)["oven.minutes"].default == 30


def test_texts_under_the_fields_also_those_that_are_inherited():
    texts = {name: parameter.text for name, parameter in parameters_of(Cake).items()}
    assert texts["sugar"] == "Share of sugar."
    assert texts["persons"] == "Who eats."
    assert texts["oven.fan"] == "Whether the fan is on."
    assert texts["oven.minutes"] == "For how long;\n``auto`` looks."
    assert texts["oven.degrees"] == "How hot it is; more burns."  # another default needs no other text
    assert all(texts.values())


def test_a_class_without_source_has_no_texts():
    space: dict[str, Any] = {}
    exec(  # as typed into a console
        "from dataclasses import dataclass\n@dataclass(kw_only=True)\nclass Typed:\n    size: int = 1\n    'Numbers.'\n",
        space,
    )
    space["Typed"].__module__ = __name__
    assert parameters_of(space["Typed"])["size"].text == ""


@pytest.mark.parametrize(
    "values",
    [
        {"sugar": 0.0}, {"sugar": 1.0}, {"sugar": 1}, {"sugar": np.float32(0.25)}, {"sugar": np.float64(0.25)},
        {"flour": None}, {"flour": 1e-9}, {"yeast": 0}, {"dough": "shortcrust"}, {"layers": (0, 3)}, {"layers": [0, 3]},
        {"layers": ()}, {"salt": 0.999}, {"eggs": 12}, {"eggs": np.int64(12)}, {"name": ""}, {"vegan": True},
        {"vegan": np.bool_(True)}, {"oven__minutes": "auto"}, {"oven__minutes": 1}, {"oven__degrees": 50},
        {"oven__fan": False}, {"persons": 10**9},
    ],
)  # fmt: skip
def test_what_is_allowed(values):
    check_parameters(changed(**values))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sugar": 1.5}, "sugar=1.5: give a number from 0 to 1; the nearest is 1"),
        ({"sugar": -0.1}, "sugar=-0.1: give a number from 0 to 1; the nearest is 0"),
        ({"sugar": np.float32(2)}, "the nearest is 1"),
        ({"sugar": None}, "sugar=None: give a number from 0 to 1"),
        ({"flour": 0}, "flour=0: give a number of more than 0, or null"),
        ({"yeast": -3}, "yeast=-3: give a number of 0 or more; the nearest is 0"),
        ({"persons": 0}, "persons=0: give a whole number of 1 or more; the nearest is 1"),
        ({"persons": -7}, "the nearest is 1"),
        ({"persons": 2.6}, "persons=2.6: give a whole number of 1 or more; the nearest is 3"),
        ({"persons": 0.2}, "persons=0.2: give a whole number of 1 or more; the nearest is 1"),
        ({"persons": True}, "persons=True: give a whole number of 1 or more"),
        ({"persons": "4"}, "persons='4': give a whole number of 1 or more"),
        ({"eggs": 13}, "eggs=13: give a whole number of more than 0 and less than 13; the nearest is 12"),
        ({"eggs": 0}, "the nearest is 1"),
        ({"salt": 1.0}, "salt=1.0: give a number of more than 0 and less than 1"),
        ({"dough": "bater"}, "dough='bater' is not known; did you mean 'batter'?"),
        ({"dough": "zzz"}, "dough='zzz' is not known; choose from batter, shortcrust"),
        ({"dough": 3}, "dough=3: give 'batter' or 'shortcrust'"),
        ({"layers": (1, 4)}, "layers=(1, 4): give a list whose entries are each a whole number from 0 to 3"),
        ({"layers": 1}, "layers=1: give a list"),
        ({"vegan": 1}, "vegan=1: give true or false"),
        ({"vegan": "true"}, "vegan='true': give true or false"),
        ({"name": 3}, "name=3: give text"),
        ({"oven__degrees": 251}, "oven.degrees=251: give a number from 50 to 250; the nearest is 250"),
        ({"oven__minutes": 0}, "oven.minutes=0: give a whole number of 1 or more, or 'auto'; the nearest is 1"),
        ({"oven__minutes": "aut"}, "oven.minutes='aut' is not known; did you mean 'auto'?"),
        ({"oven__fan": None}, "oven.fan=None: give true or false"),
    ],
)
def test_what_is_refused_names_the_parameter_the_range_and_the_nearest(values, words):
    with pytest.raises(InputError) as caught:
        check_parameters(changed(**values))
    assert words in str(caught.value)
    assert str(caught.value).startswith(next(iter(values)).replace("__", "."))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["sugar", "flour", "yeast", "salt", "oven__degrees", "persons"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_nan_and_infinity_are_refused_and_no_value_is_the_nearest(name, value):
    with pytest.raises(InputError, match="give a") as caught:
        check_parameters(changed(**{name: value}))
    assert "nearest" not in str(caught.value)


def test_without_an_end_that_is_allowed_no_value_is_the_nearest():
    for value in (0, -1):
        with pytest.raises(InputError) as caught:
            check_parameters(changed(flour=value))
        assert "nearest" not in str(caught.value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_said_to_be_the_nearest_is_allowed(value):
    cake = changed(sugar=value)
    if 0 <= value <= 1:
        check_parameters(cake)
        return
    with pytest.raises(InputError) as caught:
        check_parameters(cake)
    nearest = float(str(caught.value).rsplit("nearest is ", 1)[1])
    assert abs(nearest - value) == min(abs(value), abs(value - 1))
    check_parameters(changed(sugar=nearest))


@pytest.mark.parametrize(
    ("hint", "value", "wanted"),
    [
        (float, 2, 2.0),
        (float, np.float32(0.5), 0.5),
        (int, np.int64(3), 3),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[float, ...], [1, 2.5], (1.0, 2.5)),
        (float | None, None, None),
        (Count | Literal["auto"], "auto", "auto"),
        (bool, np.bool_(False), False),
        (str, "32", "32"),
    ],
)
def test_a_value_is_given_the_type_of_its_parameter(hint, value, wanted):
    given_type = as_type(hint, value)
    assert given_type == wanted
    assert type(given_type) is type(wanted)


@pytest.mark.parametrize(
    ("hint", "value"),
    [(int, True), (int, 2.0), (int, "2"), (float, "2"), (float, True), (bool, 1), (str, 3), (float, float("nan")), (Count, 0)],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(hint, value):
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own words
        as_type(hint, value)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (float, "a number"),
        (bool, "true or false"),
        (str, "text"),
        (Count, "a whole number of 1 or more"),
        (Positive, "a number of more than 0"),
        (Weight, "a number of 0 or more"),
        (Fraction, "a number from 0 to 1"),
        (Annotated[float, Le(3)], "a number of 3 or less"),
        (Annotated[float, Ge(0), Lt(1)], "a number of 0 or more and less than 1"),
        (Annotated[float, Gt(0), Le(100)], "a number of more than 0 and 100 or less"),
        (Literal["a", "b"], "'a' or 'b'"),
        (Count | Literal["auto"], "a whole number of 1 or more, or 'auto'"),
        (Count | Literal["auto"] | None, "a whole number of 1 or more, or 'auto', or null"),
        (tuple[float, ...], "a list whose entries are each a number"),
    ],
)
def test_types_in_words(hint, words):
    assert describe_type(hint) == words


def test_setting_by_dotted_names():
    cake = changed(sugar=0.4, oven__degrees=200.0)
    assert (cake.sugar, cake.oven.degrees) == (0.4, 200.0)
    assert Cake().oven.degrees == 160.0  # the settings of another object are others
    for name, words in [
        ("suger", "did you mean 'sugar'"),
        ("oven.degres", "did you mean 'oven.degrees'"),
        ("oven", "oven."),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            set_parameters(cake, {name: 1})
        assert str(caught.value).startswith(f"cake has no parameter {name!r}; ")
    with pytest.raises(InputError, match=r"^Oven has no parameter 'zzz'; choose from degrees, minutes"):
        set_parameters(Oven(), {"zzz": 1})


def test_of_many_parameters_the_nearest_three_are_named():
    many = dataclasses.make_dataclass("Many", [(f"level_{number}", int, number) for number in range(20)])()
    many.name = "many"
    nearest = " or ".join([r"'level_\d+'"] * 3)
    with pytest.raises(InputError) as caught:
        set_parameters(many, {"level": 1})
    assert re.fullmatch(
        rf"many has no parameter 'level'; did you mean {nearest}\? `facies presets many` lists all 20",
        str(caught.value),
    )


def test_former_names_are_translated_also_one_to_several():
    former = {"heat": "oven.degrees", "size": ("persons", "eggs")}
    values = {"heat": 200, "size": 6, "sugar": 0.1, "unknown": None}
    today, translated = translate_names(values, former)
    assert today == {"oven.degrees": 200, "persons": 6, "eggs": 6, "sugar": 0.1, "unknown": None}
    assert translated == ["heat", "size"]
    assert translate_names({"sugar": 0.1}, former) == ({"sugar": 0.1}, [])


def test_scikit_learn_clones_and_sets_settings_within():
    cake = Cake(sugar=0.1, oven=Convection(degrees=99.0))
    copy = clone(cake)
    assert parameter_values(copy) == parameter_values(cake)
    assert copy.oven is not cake.oven
    copy.set_params(oven__degrees=77.0, sugar=0.2)
    assert (copy.oven.degrees, copy.sugar) == (77.0, 0.2)
    assert cake.oven.degrees == 99.0
    assert cake.get_params()["oven__degrees"] == 99.0
    assert cake.get_params()["oven"] is cake.oven
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(oven__invented=1)
    assert clone(cake).set_params(oven=Oven(degrees=60.0)).oven.degrees == 60.0


def test_settings_are_equal_by_their_values_and_take_no_value_without_its_name():
    assert Oven() == Oven(degrees=180.0) != Oven(degrees=181.0)
    with pytest.raises(TypeError):
        Oven(200.0)


def test_values_are_those_that_were_given_until_they_are_checked():
    mark = object()
    assert Cake(sugar=mark).sugar is mark
    assert parameter_values(Cake(oven=Convection(fan=mark)))["oven.fan"] is mark


class Meal(Recipe, ABC):
    """What cannot be made."""

    @abstractmethod
    def cook(self) -> None: ...


def test_an_abstract_class_has_parameters_and_a_group_can_be_one() -> None:
    assert list(parameters_of(Meal)) == list(parameters_of(Recipe))
    plain = parameters_of(Meal, nested=False)
    assert list(plain) == ["persons", "oven"]
    assert plain["oven"].default == Oven()
    assert plain["oven"].text == "Where it bakes."
