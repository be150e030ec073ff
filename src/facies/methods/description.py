"""What a fit did, in the words of a paper's methods section, and which of its parameters are not those of the preset."""

from __future__ import annotations

from typing import Any

from facies.methods.base import Method
from facies.parameters import set_parameters

_SAID_ELSEWHERE = ("hardware.", "random_state")


def describe(method: Method, preset: str | None) -> dict[str, Any]:
    """Describe a fitted method for ``run.json``, from which the report writes its methods paragraph.

    Parameters
    ----------
    method
        A fitted method.
    preset
        The preset that it was made from; None where there was none.

    Returns
    -------
    dict
        ``title`` and ``citation`` of the method; ``text``: sentences on what was done and where the number of groups is from;
        ``changed``: the parameters, by name, whose values are not those of the preset.
    """
    usual = type(method)()
    set_parameters(usual, method.presets.get(preset or "", {}))
    expected = usual.parameters()
    changed = {
        name: value
        for name, value in method.parameters().items()
        if value != expected[name] and not name.startswith(_SAID_ELSEWHERE)
    }
    return {
        "title": method.title,
        "citation": method.citation,
        "text": f"{method.summary.format(method)} {_number_of_groups(method)}".strip(),
        "changed": changed,
    }


def _number_of_groups(method: Method) -> str:
    asked = method.asked_n_clusters
    if asked is None:
        return "The number of groups was estimated from the images."
    left = "" if asked == method.n_clusters_ else f", of which {method.n_clusters_:,} were left in the end"
    return f"The number of groups was set to {asked:,}{left}."
