"""From photographs to counted, measured, named grains, by the commands that a geologist would type.

    python examples/grains/run.py -o grains-demo

Everything here is SYNTHETIC: the photographs are rendered, so that the true kinds are known. The names of the groups come
from that list of true kinds, where in real work an expert would look at the groups. What the numbers say about sediment
is nothing; that they agree with the truth says that the programme counts what is there.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
from sediment import ROLES, UM_PER_PX, write_facts, write_photographs
from truth import NOTHING, SEVERAL, kinds_of, names_of_groups, read_truth


def main() -> None:
    """Run all of it, each command shown before it runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("grains-demo"), help="folder to write (grains-demo)")
    parser.add_argument("--stacks", type=int, default=30, help="focal stacks a sample, of five samples (30)")
    parser.add_argument("--groups", type=int, default=50, help="groups to make (50)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same photographs (0)")
    asked = parser.parse_args()
    folder = asked.output.expanduser()
    folder.mkdir(parents=True, exist_ok=True)

    say(f"rendering {5 * asked.stacks} SYNTHETIC focal stacks of five invented samples")
    write_photographs(folder / "photos", asked.stacks, asked.seed)
    write_facts(folder / "samples.csv")

    grains, run = folder / "grains", folder / "run"
    facies("extract", folder / "photos", "-o", grains, "--um-per-px", UM_PER_PX, "--min-diameter", 26, "--overwrite")
    settings = ("--set", f"n_clusters={asked.groups}", "--set", "training.epochs=40", "--seed", asked.seed)
    facies("cluster", grains, "-o", run, "--method", "focal-vae", "--preset", "quick", *settings, "--overwrite")

    say("naming each group by the true kind of most of its grains, in place of an expert's eye")
    kinds = name_by_truth(folder)
    facies("name", run, "--file", folder / "names.csv", "--user", "the list of what was rendered")
    audit_by_truth(folder, kinds)

    report = ("--samples", folder / "samples.csv", "--tables", folder / "tables", "--ratio", "quartz/rock fragment")
    facies("report", run, "-o", folder / "report.html", *report, "--overwrite")
    compare(folder)
    say(f"open {folder / 'report.html'} in a browser")


def facies(*words: object) -> str:
    """Run a command of Facies, shown as one would type it, and return what it wrote to standard output."""
    command = [str(word) for word in words]
    print(f"\n$ facies {shlex.join(command)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "facies.cli", *command],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def say(text: str) -> None:
    """Tell what this example does by itself."""
    print(f"\n# {text}", flush=True)


def name_by_truth(folder: Path) -> pd.DataFrame:
    """Write names.csv, a row a group, and return the exported grains with their true ``kind``."""
    facies("export", folder / "run", "--to", "csv", "-o", folder / "groups.csv", "--overwrite")
    grains = pd.read_csv(folder / "groups.csv")
    grains["kind"] = kinds_of(grains, read_truth(folder / "photos"))
    names = names_of_groups(grains["group"], grains["kind"])
    names["role"] = names["name"].map(ROLES).fillna("")
    out = names["name"].isin([SEVERAL, NOTHING])
    names["excluded"] = out.map({True: "yes", False: ""})
    names["reason"] = names["name"].where(out, "")
    names.to_csv(folder / "names.csv", index=False)
    mixed = names[names["share"] < 0.7]
    pure = float((names["share"] * names["group"].map(grains["group"].value_counts())).sum() / len(grains))
    print(f"{len(names)} groups, {len(mixed)} of them mixed; {pure:.0%} of the grains are of the kind of their group")
    return grains


def audit_by_truth(folder: Path, grains: pd.DataFrame) -> None:
    """Draw a blind audit, and fill it in from the list of true kinds."""
    sheet = folder / "audit.csv"
    facies("audit", folder / "run", "-n", 25, "-o", sheet, "--overwrite")
    say("filling the sheet of the audit in, in place of an expert")
    table = pd.read_csv(sheet, dtype=str)
    table["true"] = table["id"].map(grains.set_index("id")["kind"])
    table.to_csv(folder / "audit-filled.csv", index=False)
    filled = ("--results", folder / "audit-filled.csv", "--new-classes", "--user", "the list of what was rendered")
    facies("audit", folder / "run", *filled)


def compare(folder: Path) -> None:
    """Say how far the counts of the report are from what was rendered."""
    truth = read_truth(folder / "photos")
    true = 100 * truth.groupby("sample")["kind"].value_counts(normalize=True)
    counts = pd.read_csv(folder / "tables" / "counts.csv").rename(columns={"class": "kind"})
    counts = counts.merge(true.rename("true").reset_index(), on=["sample", "kind"])
    inside = counts["true"].between(counts["corrected_low"], counts["corrected_high"])
    away = counts[["percent", "corrected"]].sub(counts["true"], axis=0).abs().mean()
    say("what was rendered, against what the report says, per cent (only here can one know)")
    columns = ["sample", "kind", "true", "percent", "corrected", "corrected_low", "corrected_high"]
    print(counts[columns].round(1).to_string(index=False))
    print(f"{len(truth)} grains were rendered; {int(counts['n'].sum())} were counted")
    print(
        f"shares are {away['percent']:.1f} points off as counted, {away['corrected']:.1f} after the audit; the true share lies "
        f"in {int(inside.sum())} of {len(inside)} audited 95 % intervals"
    )


if __name__ == "__main__":
    main()
