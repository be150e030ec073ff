"""Makes the run of grains of format 1 that lies in ``format-1/grains``, from photographs on.

It ran once, on the sources of commit 38a9009 (facies 0.1.0), after `make_format_1` and as that does, and will not run on
later code. The photographs are SYNTHETIC, and are not kept; of the folder of grains the pictures for checking are not, and
in its ``grains.json``, too, the path of the photographs was replaced by the name alone. Tables are kept to six digits.

    PYTHONPATH=src python tests/kept_runs/make_format_1_grains.py
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
from facies.data import open_images
from facies.data.plates import write_plates
from facies.run.journal import Journal
from make_format_1 import groups_by_size, keep, members
from test_format_1 import KEPT, call, checksums
from test_format_1_grains import ANSWERS, GRAINS, SAMPLES, TABLES, grain_answers

KINDS = {"planktic foraminifer": 4, "foraminifer fragment": 2, "quartz": 3, "rock fragment": 2}
FACTS = [
    ("K1-005", "K1", 5, 1.2, 4.5, 8, 150, 500),
    ("K1-045", "K1", 45, 9.8, 5.25, 16, 150, 500),
    ("K2-010", "K2", 10, np.nan, 3.75, 8, 150, np.nan),
]
COLUMNS = ["sample", "core", "depth_cm", "age_ka", "dry_mass_g", "split", "sieve_lower_um", "sieve_upper_um"]


def main() -> None:
    pd.DataFrame(FACTS, columns=COLUMNS).to_csv(SAMPLES, index=False)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["LOGNAME"] = "expert"
        extract()
        settings = ("filters=2", "latent_size=8", "epochs=60", "batch_size=16", "n_clusters=10", "n_init=1")
        words = (word for setting in settings for word in ("--set", setting))
        call("cluster", "extracted-grains", "-o", "grains", "--method", "focal-vae", *words)
        decide()
        first = next(open_images(GRAINS).batches(6)).numpy().astype(np.uint8)
        keep("grains", np.ascontiguousarray(np.rot90(first, axes=(-2, -1))))
    keep_answers()


def extract() -> None:
    """Render three samples of four focal stacks of two layers, and cut their grains out."""
    for seed, (sample, *_) in enumerate(FACTS):
        write_plates(Path("photographs", sample), 4, seed=seed, format="png", layers=2, size=(208, 280), grain_size=36.0,
                     grains=KINDS, grains_per_stack=4.0, touching=0.2, cut=0.2)  # fmt: skip
    settings = {"layers": 2, "um-per-px": 6.5, "size": 12, "min-side": 12, "superpixel": 8, "jobs": 1}
    words = (word for name, value in settings.items() for word in (f"--{name}", value))
    call("extract", "photographs", "-o", "extracted-grains", *words)
    grains = Path("extracted-grains")
    shutil.rmtree(grains / "check")
    notes = json.loads((grains / "grains.json").read_text("utf-8"))
    notes["photographs"] = Path(notes["photographs"]).name
    (grains / "grains.json").write_text(json.dumps(notes, indent=2, ensure_ascii=False) + "\n", "utf-8")
    shutil.copytree(grains, GRAINS)


def decide() -> None:
    """Names and roles, exclusions of a group and of a grain, doubts, a prediction, an audit with answers, an undone name."""
    first, second, third, fourth, fifth, sixth, *_ = groups_by_size("grains")
    names = (f"{first}=planktic foraminifer", f"{second},{third}=quartz", f"{fourth}=rock fragment", f"{fifth}=shard")
    roles = {"biogenic": "planktic foraminifer,shard", "whole": "planktic foraminifer", "fragment": "shard",
             "planktic": "planktic foraminifer", "terrigenous": "quartz,rock fragment", "lithic": "quartz"}  # fmt: skip
    given = (word for role, classes in roles.items() for word in ("--role", f"{role}={classes}"))
    call("name", "grains", *names, *given, "--exclude", f"{sixth}=several grains", "--user", "first expert")
    with Journal("grains", user="second expert") as journal:
        journal.set_class("shard", rename="foraminifer fragment", colour="#aa3377")
        journal.exclude(members("grains", first)[:1], "dust")
        journal.dubious(members("grains", second)[:2])
        journal.assign(members("grains", groups_by_size("grains")[6])[:2], "quartz", state="predicted", confidence=0.75)
    audit()
    last = groups_by_size("grains")[-1]
    call("name", "grains", f"{last}=leftover")
    call("name", "grains", "--undo")


def audit() -> None:
    """Draw an audit, and answer it: every third grain is of another class, one of none, one of a new one."""
    call("audit", "grains", "-n", 4, "-o", "audit.csv")
    sheet = pd.read_csv("audit.csv", dtype=str).set_index("id")
    with Journal("grains") as journal:
        known = journal.state()
    ids = open_images(GRAINS).table["id"]
    sheet["true"] = pd.Series(known.names, index=ids).reindex(sheet.index)
    sheet.iloc[::3, sheet.columns.get_loc("true")] = "quartz"
    sheet.iloc[1, sheet.columns.get_loc("true")] = "none"
    sheet.iloc[2, sheet.columns.get_loc("true")] = "ostracod"
    sheet.reset_index().to_csv("filled.csv", index=False)
    call("audit", "grains", "--results", "filled.csv", "--new-classes", "--user", "auditor")


def keep_answers() -> None:
    """Write down what the code answers about the grains, asked as the test asks."""
    with tempfile.TemporaryDirectory() as folder, chdir(KEPT):
        run = Path(folder, "grains")
        shutil.copytree(KEPT / "grains", run)
        tables, plain = grain_answers(run)
    for name, table in tables.items():
        (TABLES / name).parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(TABLES / name, index=False, float_format="%.6g")
    plain["checksums"] = checksums(GRAINS)
    lines = [f"{json.dumps(name)}: {json.dumps(answer, ensure_ascii=False)}" for name, answer in plain.items()]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
