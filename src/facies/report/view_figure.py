"""The picture of what a network was taught to see as the same: views of some images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.report.canonical_figures import picture_rows
from facies.report.svg import ReportFigure
from facies.runs import RunFolder, to_thumbnails

MAX_LETTERS = 14
"""Longer ids are cut at the left of a row."""


def view_figure(run: RunFolder) -> ReportFigure | None:
    """Draw views of some images, a row an image, the image itself first; None if the method of the run learnt from no views."""
    import torch

    views, rows = run.method_array("views"), run.method_array("view_rows")
    if views is None or rows is None or not len(rows):
        return None
    values = run.thumbnails.index["values"]
    ids = [str(each) for each in run.images["id"].to_numpy(object)[np.asarray(rows)]]
    strips = []
    for name, own in zip(ids, views, strict=True):
        shown = to_thumbnails(torch.from_numpy(np.array(own, np.float32)), values["black"], values["white"])
        strips.append((name if len(name) <= MAX_LETTERS else f"…{name[1 - MAX_LETTERS :]}", shown / 255))
    caption = (
        "Images as they are (first column), and views of them as the network was shown them: it was taught to see all "
        "pictures of a row as the same thing. Where two of them are different things to you, switch off the change that "
        "makes them so (the parameters views.*), and learn again."
    )
    heads = ["as it is", *[""] * (views.shape[1] - 1)]
    data = pd.DataFrame({"id": ids, "row": np.asarray(rows)})
    return ReportFigure(
        "views", "What the network sees as the same", caption, picture_rows(strips, heads), data, photographic=True
    )
