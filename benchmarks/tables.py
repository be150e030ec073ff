"""Render benchmarks/results/*.json as Markdown tables in docs/benchmarks (this is `make tables`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import record
from atlas_tables import page_in_browser, reach, sessions_of_intervals
from consensus_tables import consensus
from first_minute_table import first_minute, larger_images
from gene_tables import genes
from how_far_page import how_far
from number_tables import number_of_groups
from real_tables import default_method, real_images
from record import where
from side_by_side_page import side_by_side
from suite_rows import page as suite_page
from trust_page import trust
from volume_tables import volume_page

PAGES = record.HERE.parent / "docs" / "benchmarks"


def spread(values: list[float], digits: int = 3) -> str:
    """Mean ± standard deviation; of a single seed the value alone; a dash where nothing was measured."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (1 seed)"
    return f"{np.mean(values):.{digits}f} ± {np.std(values):.{digits}f}"


def clustering(results: dict[str, Any]) -> str:
    """One row a set and preset, with what each stage adds."""
    header = "| set | method | preset | seeds | groups found | ACC | NMI | ARI | ACC before the experts | minutes | peak GiB |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
    lines, notes = [], []
    for result in results.values():
        rows = result["rows"]
        scores = [spread([row["scores"][name] for row in rows]) for name in ("accuracy", "nmi", "ari")]
        method = result.get("method", "moe-vae")
        before = [row["density"]["accuracy"] for row in rows if row["density"]]
        lines.append(
            f"| {result['set']} | {method} | {', '.join([result['preset'], *result['settings']])} | {len(rows)} | {', '.join(str(row['n_groups']) for row in rows)} | "
            f"{' | '.join(scores)} | {spread(before) if before else '–'} | "
            f"{spread([row['seconds'] / 60 for row in rows], 1)} | {max(row['peak_gib'] for row in rows):.2f} |"
        )
        notes.append(f"- {', '.join([result['set'], method, result['preset'], *result['settings']])}: {where(rows)}")
    return (
        "# Clustering\n\nMean ± standard deviation over the seeds. ACC counts noise as wrong. *Before the experts*: the density grouping "
        "alone. Minutes are those of the whole command, just-in-time compilation included.\n\n"
        + header
        + "\n".join(lines)
        + "\n\n"
        + "\n".join(notes)
        + "\n"
    )


def upright(results: dict[str, Any]) -> str:
    """By how much images set upright vary less within true classes."""
    lines = [
        "# Set upright\n\nMean variance of a pixel (from 0 to 1) within the true classes of MNIST-10k, each image turned by up to ±45°, before and after "
        "`canonical`; and the share of the whole variance that lies within classes, which neither grows where images are enlarged nor falls where they are smoothed.\n\n"
        "| method | preset | seeds | before | after | less by | share before | share after | ACC |\n|---|---|---|---|---|---|---|---|---|"
    ]
    for result in results.values():
        rows = result["rows"]
        names = ("within_before", "within_after", "reduction", "share_before", "share_after")
        values = [spread([row[name] for row in rows]) for name in names]
        lines.append(
            f"| {result['method']} | {', '.join([result['preset'], *result['settings']])} | {len(rows)} | {' | '.join(values)} | "
            f"{spread([row['scores']['accuracy'] for row in rows])} |"
        )
    notes = [f"- {result['method']}, {result['preset']}: {where(result['rows'])}" for result in results.values()]
    return "\n".join([*lines, "", *notes]) + "\n"


ABOUT_ABLATION = {
    "autoencoders": "Tables 4.1 to 4.6 of the thesis: reconstructions, and the silhouette of the true classes in the code.",
    "augmentation": "Table 4.7: silhouette of the true classes in the code, without and with random views in the training.",
    "layout": "Tables 4.9 and 4.10: silhouette of the true classes. *code* is that of an autoencoder with as many numbers as the latent size that was found, "
    "and every layout has as many dimensions as the code: UMAP does not reduce. *umap* has UMAP's own defaults (Euclidean, 15 neighbours, `min_dist` 0.1) and is the third column of "
    "table 4.9. *l1* and *manhattan* change one thing each, the L1 norm of the code and the metric; both together are the other side of table 4.10. The last two rows go on from there to what "
    "`moe-vae` does: *neighbours* by eq. 3.6, and then *min_dist 0*.",
    "stages": "Tables 4.11, 4.12 and 4.18 to 4.20: what the grouping finds (share of the images with a group, accuracy on these and on all), the manager alone, and the mixture. As in the thesis, "
    "*gaussian-mixture* is given the true number of groups, and *density* finds it.",
}


def ablations(results: dict[str, Any]) -> str:
    """The ablation tables, one section a set."""
    parts = ["# Ablations\n"]
    for result in results.values():
        frame = pd.DataFrame(result["rows"])
        parts.append(f"## {result['set']}, {result['preset']}, {result['epochs']} epochs\n")
        for table, rows in frame.groupby("table", sort=False):
            scores = [
                name
                for name in rows.columns
                if name not in ("table", "variant", "seed", "machine") and rows[name].notna().any()
            ]
            parts.append(
                f"### {table}\n\n{ABOUT_ABLATION[table]}\n\n| variant | seeds | {' | '.join(scores)} |\n|---|---|{'---|' * len(scores)}"
            )
            for variant, of in rows.groupby("variant", sort=False):
                parts.append(
                    f"| {variant} | {len(of)} | {' | '.join(spread(of[name].dropna().tolist()) for name in scores)} |"
                )
            parts.append("")
        parts += [f"- {table}: {where(rows)}" for table, rows in by_table(result["rows"]).items()]
        parts.append("")
    return "\n".join(parts)


def by_table(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by their table."""
    return {
        table: [row for row in rows if row["table"] == table] for table in dict.fromkeys(row["table"] for row in rows)
    }


def latent_size(results: dict[str, Any]) -> str:
    """Latent sizes that were found in codes of several sizes."""
    parts = [
        "# Latent size\n\nFigure 3.2 of the thesis: the latent size that the principal components of a code ask for, by the number of numbers in the code that was trained. "
        "The autoencoder of the preset `paper`, with fewer epochs.\n"
    ]
    for result in results.values():
        shares = list(result["rows"][0]["found"])
        parts.append(f"## {result['set']}, {result['images']:,} images, {result['epochs']} epochs\n")
        parts.append(
            f"| numbers in the code | seeds | {' | '.join(f'{float(share):.0%} of the variance' for share in shares)} |\n|---|---|{'---|' * len(shares)}"
        )
        for code in dict.fromkeys(row["code"] for row in result["rows"]):
            rows = [row for row in result["rows"] if row["code"] == code]
            found = [", ".join(str(row["found"][share]) for row in rows) for share in shares]
            parts.append(f"| {code} | {len(rows)} | {' | '.join(found)} |")
        parts.append(f"\nOne number a seed. {where(result['rows'])}\n")
    return "\n".join(parts)


def speed(results: dict[str, Any]) -> str:
    """Ratios, each with both sides in one process."""
    parts = ["# Speed\n"]
    if "routing" in results:
        r = results["routing"]
        parts.append(
            f"Asking an expert only for the images that matter to it: {r['ratio']:.1f} × as fast as asking all {r['experts']} for every image "
            f"(batch {r['batch']}, threshold {r['threshold']}); the two losses differ by {r['difference']:.1e}. {where([r])}\n"
        )
    if "throughput" in results:
        r = results["throughput"]
        parts.append(
            "| training of the same network | cores | Facies, images/s | ClustPy, images/s | ratio | the matrix products alone, images/s | highest ratio there can be |\n"
            "|---|---|---|---|---|---|---|"
        )
        parts += [
            f"| {row['case']}, batch {row['batch']} | {row['cores']} | {row['facies']:,.0f} | {row['clustpy']:,.0f} | {row['ratio']:.1f} × | "
            f"{row['bare_products']:,.0f} | {row['highest_ratio']:.1f} × |"
            for row in r["rows"]
        ]
        parts.append(
            f"\nMedians of {r['repeats']} turns. Both sides must compute the matrix products, so no ratio can be higher than theirs. {where([r])}\n"
        )
    if "dac-speed" in results:
        r = results["dac-speed"]
        parts.append(
            "| an epoch of the network of st-dac | images | Facies, s | the published loop, s | ratio | the network alone, s | highest ratio there can be |\n"
            "|---|---|---|---|---|---|---|"
        )
        parts += [
            f"| {row['case']}, batch 32 | {row['images']:,} | {row['facies_s']:.1f} | {row['published_s']:.1f} | {row['ratio']:.2f} × | "
            f"{row['network_s']:.1f} | {row['highest_ratio']:.2f} × |"
            for row in r["rows"]
        ]
        parts.append(f"\nMedians of {r['repeats']} turns, {r['threads']} thread(s). {where([r])}\n")
    return "\n".join(parts)


def resuming(results: dict[str, Any]) -> str:
    """Kills and resumes."""
    r = results["kill-resume"]
    return (
        f"# Kill and resume\n\nA fit of the digits was killed with SIGKILL at {r['of']} random moments and resumed: the labels equalled those of "
        f"the unbroken fit {r['equal']} times of {r['of']}. {where([r])}\n"
    )


def processes(results: dict[str, Any]) -> str:
    """Fits in two processes."""
    r = results["two-processes"]
    loads = [fit["load"] for fit in r["fits"]]
    methods = ", ".join(f"{sum(fit['method'] == name for fit in r['fits'])} {name}" for name in r["settings"])
    return (
        f"# Several processes\n\n{r['passed']} of {r['of']} fits in two processes on the CPU ({methods}; {r['n_images']} digits, an epoch each) ended with 0, and left "
        f"neither a process nor a file behind. The machine was busy: {min(loads):.0f} to {max(loads):.0f} programs waited for its cores. {where([r])}\n"
    )


def mixture(results: dict[str, Any]) -> str:
    """The Student-t mixture beside a Gaussian one."""
    r = results["mixture"]
    s = r["speed"]
    lines = [
        "# Student-t mixture\n\n`facies.cluster.StudentTMixture` beside scikit-learn's `GaussianMixture`, in turns, in one process.\n\n"
        f"**Speed.** {s['rows']:,} rows × {s['features']}, {s['components']} components, diagonal: {s['seconds']:.2f} s of processor time an iteration, {s['ratio']:.2f} times "
        f"that of the Gaussian mixture ({s['sklearn_seconds']:.2f} s); peak of both {s['peak_gib']:.2f} GiB.\n\n"
        "**Outliers.** Drawn Student-t distributions, without and with 5 % outliers; ARI of the rows that are none.\n\n"
        "| seed | Student-t, clean | with outliers | Gaussian, clean | with outliers |\n|---|---|---|---|---|",
        *(
            f"| {row['seed']} | {row['student_t_clean']:.3f} | {row['student_t_outliers']:.3f} | {row['gaussian_clean']:.3f} | {row['gaussian_outliers']:.3f} |"
            for row in r["outliers"]
        ),
    ]
    return "\n".join(lines) + f"\n\n{where([r])}\n"


def scale_out(results: dict[str, Any]) -> str:
    """Memory over many blocks, and kills."""
    rows = results["scale-out"]["rows"]
    lines = ["# Blocks, kills and memory"]
    memory = [row for row in rows if row["case"] == "memory"]
    if memory:
        lines += [
            "", "Empty blocks: the memory of the driver, in which the scheduler of the local Dask cluster is, too.", "",
            "| engine | blocks | MB after a tenth | MB at the end | missing |", "|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [
            f"| {row['engine']} | {row['n_blocks']:,} | {row['mb_after_a_tenth']} | {row['mb_at_the_end']} | {row['missing']} |"
            for row in memory
        ]
    kills = [row for row in rows if row["case"] != "memory"]
    if kills:
        lines += [
            "", "Kills (SIGKILL) during a dense computation, which was then resumed; the result against that of an undisturbed one.", "",
            "| engine | killed | kills | blocks | equal | done twice | missing |", "|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [
            f"| {row['engine']} | {row['victim']} | {row['kills']} | {row['n_blocks']} | {'yes' if row['equal'] else 'no'} | {row['done_twice']} | {row['missing']} |"
            for row in kills
        ]
    return "\n".join([*lines, "", where(rows)]) + "\n"


def reliability(results: dict[str, Any]) -> str:
    """What tells noise from kinds."""
    r = results["reliability"]
    lines = [
        "# Noise and kinds\n\nWhat `facies.metrics.reliability` measures of groups by k-means, the least and the greatest of the seeds. *Margin*: silhouette less that "
        "of groups cut out of one cloud. *Stability*: agreement (ARI) of groups learnt from two halves.\n\n| set | kinds in it | groups | seeds | margin | stability |\n"
        "|---|---|---|---|---|---|",
        *(
            f"| {row['set']} | {'yes' if row['has_kinds'] else 'no'} | {row['n_groups']} | {row['seeds']} | "
            f"{row['margin'][0]:.3f} to {row['margin'][1]:.3f} | {row['stability'][0]:.2f} to {row['stability'][1]:.2f} |"
            for row in r["rows"]
        ),
    ]
    return "\n".join(lines) + f"\n\n{where([r])}\n"


def selection(results: dict[str, Any]) -> str:
    """Whether the score of `facies select` follows the accuracy."""
    r = results["selection"]
    summary = r["summary"]
    lines = [
        "# Choosing without labels\n\nThe score of `facies select`, and the accuracy that labels gave it afterwards, of all candidates that need no training "
        f"(seed {r['seed']}, at most 1,000 images a set). Rank correlation (Spearman) over all candidates {summary['rank_correlation_over_all']:.2f}, mean over the sets "
        f"{summary['mean_rank_correlation_in_a_set']:.2f}; the chosen one lies within 0.03 of the best on {summary['sets_within_0.03']} of {len(r['sets'])} sets.\n\n"
        "| set | candidate | groups | score | silhouette | stability | agreement | information | ACC | NMI |\n|---|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {name} | {row['candidate']} | {row['n_groups']} | {row['score']:.2f} | {row['silhouette']:.2f} | {row['stability']:.2f} | "
            f"{row['agreement']:.2f} | {row['information']:.2f} | {row['accuracy']:.2f} | {row['nmi']:.2f} |"
            for name, rows in r["sets"].items()
            for row in sorted(rows, key=lambda row: -float(row["score"]))
        ),
    ]
    return "\n".join(lines) + f"\n\n{where([r])}\n"


def intervals(results: dict[str, Any]) -> str:
    """How often 95 % intervals hold the truth."""
    r = results["intervals"]
    parts = [
        f"# Intervals\n\nHow often 95 % intervals held the truth in {r['samples']:,} simulated samples (seed {r['seed']}); "
        "what is wanted is 93–97 %. Chance alone moves a figure by 1 %.\n\n"
        "## Shares as counted: Wilson\n\n| share | grains | held | exact |\n|---|---|---|---|"
    ]
    parts += [
        f"| {row['share']:.0%} | {row['grains']:,} | {row['coverage']:.1%} | {row['exact']:.1%} |"
        for row in r["wilson"]
    ]
    parts.append("\n## Ratios of counts: log-ratio\n\n| ratio | grains | held |\n|---|---|---|")
    parts += [f"| {row['a']:.0%} / {row['b']:.0%} | {row['grains']:,} | {row['coverage']:.1%} |" for row in r["ratio"]]
    parts.append(
        "\n## Shares corrected by the audit\n\nMean over the classes, and the class least and most often held; beside it the plain "
        "interval of Cochran, p ± 1.96 √variance; and the ratio of the first two classes.\n\n"
        "| sediment and classifier | grains | audited a class | held | plain | ratio |\n|---|---|---|---|---|---|"
    )
    parts += [
        f"| {row['case']} | {row['grains']:,} | {row['audited']} | {held(row['coverage'])} | {held(row['plain'])} | {row['ratio']:.1%} |"
        for row in r["audit"]
    ]
    if "intervals-sessions" in results:
        parts += sessions_of_intervals(results["intervals-sessions"])
    return "\n".join(parts) + f"\n\n{where([r])}\n"


def held(coverage: list[float]) -> str:
    """Mean, least and greatest."""
    return f"{np.mean(coverage):.1%} ({min(coverage):.1%}–{max(coverage):.1%})"


BOTH = ("<!-- both methods -->", "<!-- end of both methods -->")
"""Between these lines stands the table that docs/grains.md includes."""


def both_methods(results: dict[str, Any]) -> str:
    """`focal-vae` and `pretrained` on the same grains."""
    lines = ["| grains | method | groups | seeds | ACC | purity |\n|---|---|---|---|---|---|"]
    ways = (
        ("`focal-vae`", "main", ""),
        ("`pretrained`, as many groups", "pretrained", ""),
        ("`pretrained`, K found", "pretrained", "found_"),
    )
    for result in results.values():
        for what, variant, prefix in ways:
            rows = [row for row in result["rows"] if row["variant"] == variant]
            if rows:
                scores = [spread([row[f"{prefix}{score}"] for row in rows]) for score in ("accuracy", "purity")]
                groups = ", ".join(dict.fromkeys(str(row[f"{prefix}n_groups"]) for row in rows))
                lines.append(f"| {result['set']} | {what} | {groups} | {len(rows)} | {' | '.join(scores)} |")
    return "\n".join(lines)


def grains(results: dict[str, Any]) -> str:
    """From rendered plates to named groups, one section a set."""
    parts = [
        "# Grains\n\nSYNTHETIC plates, whose truth is known; `facies extract`, then `focal-vae`, quick, or `pretrained`, quick. *Purity* is the mean over the groups of the share of "
        "their most common kind; *ACC* the share of grains of the kind by which the majority names their group. Of grains that match no true one "
        "nothing is counted here. *Particles never seen*: groups learnt and named on one half of the particles, and counted on the other. The real "
        "crops come from a few photographs of one kind each: what tells the photographs apart tells the kinds apart. *Even plate*: the grains of the same "
        "photographs, extracted with `--plate even`; the pixels and the untrained encoder see them so, too."
    ]
    parts.append(f"\n{BOTH[0]}\n\n{both_methods(results)}\n\n{BOTH[1]}")
    for result in results.values():
        frame = pd.DataFrame(result["rows"]).set_index("variant")

        def cell(variant: str, column: str, digits: int = 3, frame: pd.DataFrame = frame) -> str:
            known = variant in frame.index and column in frame.columns
            return spread(frame.loc[[variant], column].astype(float).tolist(), digits) if known else "–"

        main = frame.loc[["main"]].iloc[-1]
        parts.append(
            f"\n## {result['set']}\n\n{result['stacks']} stacks, {main['n_grains']:,.0f} grains found of {main['n_truth']:,.0f}, {main['n_known']:,.0f} matched; "
            f"{cell('main', 'seconds', 0)} s a fit; agreement of two seeds {result.get('stability', float('nan')):.2f} (ARI); "
            f"{cell('main', 'active', 0)} active dimensions.\n\n| what is grouped | groups | purity | ACC |\n|---|---|---|---|"
        )
        shown = [
            ("code of focal-vae", "main", "", 100),
            (
                f"the same, refined by {main.get('refined_by', 'the classifier alone, as until 0.2')}",
                "main",
                "refined_",
                100,
            ),
            ("code of focal-vae, each grain as it lies", "lying", "", 100),
            ("features of pretrained", "pretrained", "", 100),
            ("the same, K found", "pretrained", "found_", cell("pretrained", "found_n_groups", 0)),
            ("pixels", "baselines", "pixels_", 100),
            ("code of an untrained encoder", "baselines", "untrained_", 100),
            ("one focal layer", "layer", "", 100),
            *((f"code of focal-vae, K = {k}", "k", "", k) for k in (10, 50)),
        ]
        for what, variant, prefix, k in shown:
            suffix = f"_{k}" if variant == "k" else ""
            columns = [cell(variant, f"{prefix}{score}{suffix}") for score in ("purity", "accuracy")]
            parts.append(f"| {what} | {k} | {' | '.join(columns)} |")
        parts.append(
            f"\nOf grains grouped as they lie, {cell('lying', 'kept_when_turned')} keep their group when turned by a quarter; with `any_side_up` all do.\n"
            f"\nParticles never seen: ACC {cell('unseen', 'accuracy')} (of those learnt from {cell('unseen', 'seen_accuracy')}); "
            f"flagged as outside {cell('unseen', 'outliers')}, and ACC of the others {cell('unseen', 'accuracy_without_outliers')}; mean squared error of "
            f"reconstructions {cell('unseen', 'mse', 5)} (of those learnt from {cell('unseen', 'seen_mse', 5)}).\n\n{where(result['rows'])}"
        )
    return "\n".join(parts) + "\n"


def architectures(results: dict[str, Any]) -> str:
    """Error on held-out stacks, one row an encoder."""
    result = results["architectures"]
    rows = result["rows"]
    lines = [
        "# Architectures\n\nThe mean squared error of reconstructions (eq. 1 of the paper, pixels in [0, 1]) by which [](../methods/focal-vae.md)'s paper chose its "
        f"network: on stacks held out of the training and on those learnt from. SYNTHETIC plates, set *crops, even plate*, {result['size']} × {result['size']} pixels, "
        f"{result['epochs']} epochs in batches of 16, preset `quick` else. So short a training at so small a size says which encoder learns fastest here; it does not "
        "repeat the paper's search, whose networks began with ImageNet's weights and saw 280 × 280 pixels.\n",
        "| encoder | weights | fits | held out | learnt from | active dimensions |",
        "|---|---|---|---|---|---|",
    ]
    for encoder, frame in pd.DataFrame(rows).groupby("encoder", sort=False):
        errors = " | ".join(spread(frame[name].tolist(), 5) for name in ("held_out", "learnt"))
        lines.append(
            f"| {encoder} | {frame['weights'].iloc[0]:,} | {len(frame)} | {errors} | {spread(frame['active'].tolist(), 0)} |"
        )
    held = rows[-1]
    return "\n".join(lines) + f"\n\nHeld out: {held['images']} grains of {held['stacks']} stacks. {where(rows)}\n"


def refinement(results: dict[str, Any]) -> str:
    """What refining did, and what the classifier alone would have done; one row a set and number of groups."""
    rows = results["refinement"]["rows"]
    lines = [
        "# Refining\n\n`facies refine` on groups that k-means made of the code of `focal-vae`. ACC: the share of images whose group is named after "
        "their kind; a group is named after its most common kind *before* refining. *Classifier alone*: every image goes where the classifier says, "
        "as until 0.2. *Right*: of the images that move, how many were rightly named before, and are afterwards.\n",
        "| set | groups | fits | ACC before | classifier alone | moves | right | refined | moves | right | refined is lower in |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (name, k), frame in pd.DataFrame(rows).groupby(["set", "k"], sort=False):
        before, alone, after = (frame[f"accuracy{which}"].tolist() for which in ("", "_classifier", "_refined"))

        def cells(of: str, frame: pd.DataFrame = frame) -> str:
            moves = f"{of}_moves" if of == "classifier" else of
            was, now = frame[f"{of}_right_before"].sum(), frame[f"{of}_right_after"].sum()
            return f"{frame[moves].sum() / frame['n'].sum():.1%} | {was:,} → {now:,}"

        lower = sum(now < was for was, now in zip(before, after, strict=True))
        lines.append(
            f"| {name} | {k} | {len(frame)} | {spread(before)} | {spread(alone)} | {cells('classifier')} | {spread(after)} | {cells('moved')} | "
            f"{lower} of {len(frame)} |"
        )
    return "\n".join(lines) + f"\n\n{where(rows)}\n"


def detected(rows: list[dict[str, Any]]) -> list[str]:
    """What was found of the separated, touching and cut grains of each set."""
    return [
        "| set | stacks | separated grains | recall | precision | touching pairs flagged | false flags | cut grains flagged | area |",
        "|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {row['set']} | {row['stacks']} | {row['separated']} | {row['recall']:.3f} | {row['precision']:.3f} | {row['flagged']} of {row['pairs']} | "
            f"{row['false_flags']} | {row['cut_flagged']} of {row['cut']} | {' / '.join(f'{value:.3f}' for value in row['area'])} |"
            for row in rows
        ),
    ]


def extraction(results: dict[str, Any]) -> str:
    """Detection, speed and memory of `facies extract`."""
    r = results["extraction"]
    parts = [
        "# Extraction\n\nWhat `facies extract` finds, with the settings it has by default. Rendered plates are SYNTHETIC.\n"
    ]
    if "detection" in r:
        parts.append(
            "## Rendered stacks\n\nSix layers of 1280 × 1024 each; boxes are compared with an IoU of 0.5. *False flags*: single grains taken for several. "
            "*Area*: found / true, of whole grains (5 %, median, 95 %).\n"
        )
        parts += detected(r["detection"])
    if "paper" in r:
        parts.append("\nThe same stacks with `--segmentation paper`, the superpixels of Golikov et al. (2022).\n")
        parts += detected(r["paper"])
    if "photographs" in r:
        parts.append(
            "\n## Real photographs\n\nFour whole photographs of particles on black cloth.\n\n| photograph | counted by eye | found | flagged as touching |\n|---|---|---|---|"
        )
        parts += [
            f"| {row['photograph']} | {row['by_eye']} | {row['found']} | {row['flagged']} |" for row in r["photographs"]
        ]
    if "speed" in r:
        s = r["speed"]
        rates = ", ".join(f"{rate:.1f} on {jobs} core{'s' * (jobs != '1')}" for jobs, rate in s["rates"].items())
        parts.append(
            f"\n## Speed\n\nPhotographs a second, decoding, writing and the start of the processes included: {rates} ({s['photographs']} photographs, "
            f"{s['grains']} grains). One core is {s['ratio']:.1f} × as fast as SLIC alone of whole photographs ({s['slic_seconds']:.2f} s each). {where([s])}"
        )
    if "memory" in r:
        peaks = ", ".join(f"{row['peak_gib']:.2f} GiB for {row['stacks']:,} stacks" for row in r["memory"])
        parts.append(f"\n## Memory\n\nPeak of the command and its processes together (proportional set size): {peaks}.")
    if "touching" in r:
        t = r["touching"]
        rates = "; ".join(
            f"{name}: {of['flagged']:.1%} of the pairs, {of['false']:.1%} of the single grains"
            for name, of in t["sets"].items()
        )
        parts.append(
            f"\n## The touching flag\n\nFitted to {t['outlines']:,} true outlines of other seeds, it flags: {rates}."
        )
    return "\n".join(parts) + f"\n\n{where([r])}\n"


def atlas(results: dict[str, Any]) -> str:
    """Answers of the atlas's server, kills, and two clients."""
    parts = [
        "# The atlas\n\nThe server, started as a user starts it, asked over the loopback by a client that waits for the whole answer."
    ]
    for result in results.get("atlas", {}).values():
        parts.append(
            f"\n## {result['n']:,} images\n\nIt answers {result['start_seconds']:.1f} s after the command; peak memory {result['peak_gib']:.2f} GiB.\n\n"
            "| request | median, ms | slowest, ms | answer, MB |\n|---|---|---|---|"
        )
        for what, row in result["rows"].items():
            slowest, size = (f"{row['slowest_ms']:,.0f}", f"{row['bytes'] / 1e6:.2f}") if "bytes" in row else ("–", "–")
            parts.append(f"| {what} | {row['median_ms']:,.0f} | {slowest} | {size} |")
        parts.append(f"\n{where([result])}")
    if "atlas_browser" in results:
        parts += page_in_browser(results["atlas_browser"])
    if "atlas-kill" in results:
        r = results["atlas-kill"]
        parts.append(
            f"\n## Kills\n\nThe server was killed with SIGKILL at {r['of']} random moments of {r['actions']} actions. Every action that it had acknowledged was there, "
            f"at most one more, and none half: {r['well']} times of {r['of']}. {where([r])}"
        )
    if "atlas-clients" in results:
        r = results["atlas-clients"]
        parts.append(
            f"\n## Two clients\n\nTwo clients did {r['actions_each']} actions each at the same time ({sum(r['refused'])} were impossible, and refused). Both screens, kept by "
            f"server-sent events alone, and the journal replayed {'ended with the same' if r['same'] else 'DIFFER'}. {where([r])}"
        )
    return "\n".join([*parts, *reach(results)]) + "\n"


def odd_files(results: dict[str, Any]) -> str:
    """What became of the corpus of odd files."""
    (result,) = results.values()
    lines = [
        "# Odd files\n\nFiles drawn by `benchmarks/odd_cases.py` (formats × depths × compressions × axes × faults), each read right, its pixels compared with those "
        "that were written, or left out for the right reason. Of files changed at random the pixels are not compared.\n\n"
        "| files | read | left out with a reason | never opened (links, pipes, other kinds) | wrong | hangs | tracebacks | peak memory, MiB | slowest, s |\n"
        "|---|---|---|---|---|---|---|---|---|",
        f"| {result['files']} | {result['read']} | {result['left_out']} | {result['not_opened']} | {len(result['wrong'])} | {result['hangs']} | "
        f"{result['tracebacks']} | {result['peak_mib']} | {result['slowest_seconds']} |",
        "\n| kind | files | read whole |\n|---|---|---|",
        *(f"| {kind} | {row['files']} | {row['read']} |" for kind, row in result["by_kind"].items()),
    ]
    together = result["together"]
    notes = (
        f"\nAll grey and coloured files at once, as a folder is opened ({together['files']} files): {together['images']} images, {together['left_out']} left out, "
        f"{together['missing']} missing; peak memory {together['peak_mib']} MiB.\n\n- seed {result['seed']}: {where([result])}"
    )
    return "\n".join([*lines, notes]) + "\n"


def odd_pixels(results: dict[str, Any]) -> str:
    """Each case beside the clean images, for each method."""
    result = results["odd-pixels"]
    rows = {(row["method"], row["case"]): row for row in result["rows"]}
    methods = list(dict.fromkeys(row["method"] for row in result["rows"]))
    said = ("of the pixels", "copies of others")
    lines = [
        "# Odd pixels\n\nAdjusted Rand index of the groups with the three kinds that were drawn (180 images of 24 × 24 pixels; one seed; the preset `quick`, of `moe-vae` and `focal-vae` with fewer epochs; `focal-vae` on "
        f"stacks of two layers), beside that of the same images without odd pixels. Copies and blank tiles are other sets than the clean one. *Off*: below the clean one by more than {result['tolerance']:g}. "
        "*Noted*: a note of the run says which pixels were clipped, or that images are copies.\n\n"
        f"| case | compared with | {' | '.join(methods)} |\n|---|---|{'---|' * len(methods)}"
    ]
    for case in dict.fromkeys(row["case"] for row in result["rows"]):
        cells = []
        for method in methods:
            row = rows.get((method, case))
            if row is None:
                cells.append("–")
                continue
            base = rows.get((method, row["compared_with"]))
            off = base is not None and base["ari"] - row["ari"] > result["tolerance"]
            cells.append(
                f"{row['ari']:.3f}{', off' if off else ''}{', noted' if any(word in note for note in row['notes'] for word in said) else ''}"
            )
        compared = next(row["compared_with"] for row in result["rows"] if row["case"] == case)
        lines.append(f"| {case} | {compared or '–'} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", where(result["rows"])]) + "\n"


PAGE_OF: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], str]]] = {
    "clustering": (("clustering-",), clustering),
    "upright": (("upright-",), upright),
    "ablations": (("ablations-",), ablations),
    "latent-size": (("latent-size-",), latent_size),
    "grains": (("grains-",), grains),
    "architectures": (("architectures",), architectures),
    "refining": (("refinement",), refinement),
    "speed": (("routing", "throughput", "dac-speed"), speed),
    "intervals": (("intervals",), intervals),
    "extraction": (("extraction",), extraction),
    "odd-files": (("odd-files",), odd_files),
    "resuming": (("kill-resume",), resuming),
    "odd-pixels": (("odd-pixels",), odd_pixels),
    "processes": (("two-processes",), processes),
    "reliability": (("reliability",), reliability),
    "selection": (("selection",), selection),
    "all-methods": (("suite-",), suite_page),
    "trust": (("trust",), trust),
    "consensus": (("consensus",), consensus),
    "number-of-groups": (("number-of-groups",), number_of_groups),
    "mixture": (("mixture",), mixture),
    "scale-out": (("scale-out",), scale_out),
    "volumes": (("volumes", "volume-reach"), lambda results: volume_page(results, spread)),
    "how-far": (("how-far", "scale-out"), how_far),
    "real-images": (("real-images-",), real_images),
    "default-method": (("default-method",), default_method),
    "side-by-side": (("side-by-side-",), side_by_side),
    "first-minute": (("first-minute",), first_minute),
    "larger-images": (("larger-images",), larger_images),
    "genes": (("genes-", "denoiser"), genes),
    "atlas": (("atlas",), atlas),
}


def main() -> None:
    """Write one page a kind of benchmark."""
    PAGES.mkdir(parents=True, exist_ok=True)
    found = {path.stem: json.loads(path.read_text()) for path in sorted(Path(record.RESULTS).glob("*.json"))}
    for page, (prefixes, render) in PAGE_OF.items():
        results = {name: result for name, result in found.items() if name.startswith(prefixes)}
        text = render(results) if results else ""
        if text:
            (PAGES / f"{page}.md").write_text(text)
            print(PAGES / f"{page}.md")


if __name__ == "__main__":
    main()
