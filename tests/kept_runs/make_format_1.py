"""Makes the runs of format 1 that lie in ``format-1``, and writes down what the code of that day answers about them.

It ran once, on the sources of commit 38a9009 (facies 0.1.0), with `test_format_1` as it was committed with it, and will not
run on later code. It is kept to tell how the runs came about. The commands ran in a new, empty folder, on the first 300 of
scikit-learn's digits; the 40 after them are the images that are predicted. The focal stacks are the same digits, sharp and
blurred. One thing is not as the code wrote it: the reader makes the path of the images absolute, and in ``run.json`` it
was replaced by the name alone (see `keep`).

    PYTHONPATH=src python tests/kept_runs/make_format_1.py
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from facies.run import RunFolder
from facies.run.journal import Journal
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from test_format_1 import KEPT, all_answers, call, checksums

N, N_NEW = 300, 40


def main() -> None:
    digits = load_digits()
    pixels, labels = (15 * digits.images[: N + N_NEW]).astype(np.uint8), digits.target[: N + N_NEW]
    stacks = np.stack([gaussian_filter(pixels, (0, blur, blur)) for blur in (0.0, 1.0)], axis=1)[:, :, None]
    KEPT.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["LOGNAME"] = "expert"  # whose decisions they are where a command is not told
        np.savez_compressed("digits.npz", images=pixels[:N], labels=labels[:N])
        np.savez_compressed("stacks.npz", images=stacks[:N])
        for row, (image, label) in enumerate(zip(pixels[:N], labels[:N], strict=True)):
            path = Path("digits", str(label), f"{row:03}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        for name in ("digits.npz", "stacks.npz"):
            shutil.copy(name, KEPT)

        cluster("moe-vae", "digits.npz", "align=true", "align_epochs=10", "filters=4", "latent_size=8", "epochs=40",
                "manager_epochs=20", "mixture_epochs=5", "expert_epochs=5", "expert_filters=2")  # fmt: skip
        decide_moe_vae()
        keep("moe-vae", pixels[N:])

        cluster("focal-vae", "stacks.npz", "align=true", "align_epochs=10", "filters=2", "latent_size=8", "epochs=20",
                "n_clusters=12", "n_init=1")  # fmt: skip
        decide_focal_vae()
        keep("focal-vae", stacks[N:])

        cluster("st-dac", "digits.npz", "filters=2", "hidden_size=8", "epochs=10", "n_init=1")
        decide_st_dac()
        keep("st-dac", pixels[N:])

        cluster("dac", "digits", "filters=4", "eta=0.04")
        decide_dac()
        keep("dac", pixels[N:], "--labels", "folder")


def cluster(method: str, source: str, *settings: str) -> None:
    """Make the run with the command, in the preset quick, with networks and trainings cut down."""
    call("cluster", source, "-o", method, "--method", method, *(word for each in settings for word in ("--set", each)))


def groups_by_size(run: str) -> list[int]:
    """The groups of the newest partition, the largest first."""
    groups, sizes = np.unique(RunFolder(run).partition()[0]["group"], return_counts=True)
    return [int(group) for group in groups[np.argsort(-sizes, kind="stable")] if group >= 0]


def members(run: str, group: int) -> NDArray[np.int64]:
    """The images of a group of the newest partition."""
    return np.flatnonzero(RunFolder(run).partition()[0]["group"] == group)


def decide_moe_vae() -> None:
    """Names from the command line, roles, exclusions, a merge, a split, an undone name, and a classifier."""
    first, second, third, fourth, *_ = groups_by_size("moe-vae")
    user = ("--user", "first expert")
    call(
        "name",
        "moe-vae",
        f"{first}=round",
        f"{second},{third}=Strich",
        "--role",
        "whole=round",
        "--role",
        "fragment=Strich",
        *user,
    )
    call("name", "moe-vae", "--exclude", f"{fourth}=cut off", *user)
    with Journal("moe-vae", user="second expert") as journal:
        journal.merge([second, third])
        journal.split(members("moe-vae", first)[:12], parameters={"by": "lasso"})
        journal.assign(members("moe-vae", first)[12:20], "ß and others")
        journal.set_class("ß and others", excluded=True, reason="mixed", colour="#aa3377", key="m")
    call("classify", "moe-vae", "--by", "id", *user)
    call("name", "moe-vae", f"{fourth}=leftover", *user)
    call("name", "moe-vae", "--undo", *user)


def decide_focal_vae() -> None:
    """All other kinds of actions: an audit, notes, doubts, rejections, a re-clustering, votes, an undo and a redo."""
    first, second, third, *_ = groups_by_size("focal-vae")
    rows = members("focal-vae", first)
    with Journal("focal-vae", user="expert") as journal:
        journal.name_groups({first: "sharp", second: "flat", third: "flat"}, roles={"sharp": ["whole", "lithic"]})
        journal.recluster(rows, np.arange(len(rows)) % 3 - 1, parameters={"method": "by hand"})
        journal.dubious(rows[:3])
        journal.reject(members("focal-vae", second)[:4], "sharp")
        journal.record_audit(rows[5:9], ["sharp", "flat", "", "sharp"])
        journal.note("The second layer is out of focus.", rows[:2])
        journal.exclude(members("focal-vae", third)[:5], "cracked")
        journal.include(members("focal-vae", third)[:2])
        for turn in (journal.undo, journal.redo, journal.undo):
            turn()
        journal.assign(members("focal-vae", second)[:6], "thin", state="predicted", confidence=0.75)
        journal.undo()


def decide_st_dac() -> None:
    """Names on the first partition, another partition of two groups pooled, votes that carry the names there."""
    first, second, third, *_ = groups_by_size("st-dac")
    call("name", "st-dac", f"{first}=one", f"{second}=two", "--user", "expert")
    call("recluster", "st-dac", "--groups", f"{second},{third}", "--parts", "2")
    with Journal("st-dac", user="expert") as journal:
        journal.vote()
        journal.validate(members("st-dac", first))
        journal.set_class("two", rename="deux")
        journal.name_group(groups_by_size("st-dac")[-1], "last")
        journal.undo()


def decide_dac() -> None:
    """An expert's session by keys: more actions than a snapshot is taken after, some of them merged away and undone."""
    names = ("alpha", "beta", "gamma")
    with Journal("dac", user="expert") as journal:
        for row in range(205):
            journal.assign([row], names[row % 3])
        journal.set_class("beta", excluded=True)
        journal.merge_classes(["gamma"], "alpha")
        journal.assign(np.arange(205, 215), "delta")
        journal.undo()


def keep(method: str, images: NDArray[np.uint8], *evaluated: str) -> None:
    """Put the run beside this file, and write down what the code answers about it."""
    neutral = json.loads(Path(method, "run.json").read_text("utf-8"))
    origin = neutral["input"]["origin"]
    origin["path"] = Path(origin["path"]).name
    Path(method, "run.json").write_text(json.dumps(neutral, indent=2, ensure_ascii=False) + "\n", "utf-8")
    shutil.copytree(method, KEPT / method)
    arrays, plain = all_answers(Path(method).absolute(), images, list(evaluated))
    plain["checksums"] = checksums(KEPT / method)
    np.savez_compressed(KEPT / f"{method}.npz", images=images, **arrays)
    lines = [f"{json.dumps(name)}: {json.dumps(told, ensure_ascii=False)}" for name, told in plain.items()]
    (KEPT / f"{method}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
