"""Runs what of a suite has not been run yet, a row a run, and renders the rows."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies._version import __version__
from facies.errors import InputError, suggest
from facies.io import lock_run
from facies.report.benchmark_page import write_benchmark_report
from facies.scale import make_engine
from facies.scale.engines import EngineLostError
from facies.workflows.benchmark.blocks import BlockRuns, earlier_answers, forget
from facies.workflows.benchmark.processes import Answer, Job, JobProcesses
from facies.workflows.benchmark.programs import PROGRAM, absolute_command
from facies.workflows.benchmark.results import Results
from facies.workflows.benchmark.rows import Row, RowFile
from facies.workflows.benchmark.set_files import check_arrays, data_folder, find_set, input_of
from facies.workflows.benchmark.suite import MethodEntry, SetEntry, Suite, read_suite
from facies.workflows.benchmark.surroundings import commit, machine, versions

if TYPE_CHECKING:
    from facies.training import Progress

STAGE = "benchmark"


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark gave.

    Attributes
    ----------
    path
        The results folder.
    rows
        The last row of each run of the suite.
    n_new
        How many of them were run now.
    n_failed
        How many of them say why they failed.
    """

    path: Path
    rows: list[Row]
    n_new: int
    n_failed: int


def benchmark(
    suite: str | PathLike[str],
    output: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    jobs: int = 1,
    engine: str = "processes",
    scheduler: str | None = None,
    retry: bool = False,
    again: Sequence[str] = (),
    other_commit: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    report: Callable[[str], None] = lambda _line: None,
    worker: Sequence[str] | None = None,
) -> BenchmarkResult:
    """Run every method of a suite on every set with every seed, and write their figures, a table and a page.

    A benchmark that was interrupted or killed goes on where it was: runs that have a row are not repeated, and a fit that
    was under way goes on from its last checkpoint.

    Parameters
    ----------
    suite : path
        TOML file, see `read_suite`.
    output : path
        The results folder: ``rows.jsonl``, ``table.md``, ``report.html``, and the run folders in ``runs``.
    data : path, optional
        Folder of data sets; by default that of the environment variable ``FACIES_DATA``.
    jobs : int, default=1
        How many runs side by side; of Dask the workers of the cluster that is started here.
    engine : {"processes", "dask"}
        Who starts the process of a run: this one, or the workers of a Dask cluster. Workers on other machines need the same
        source of Facies, and see the sets and the results folder under the same paths.
    scheduler : str, optional
        The address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; without it a cluster is started here.
    retry : bool, default=False
        Whether runs that failed are run again.
    again : sequence of str
        Methods of the suite whose rows of another commit are run again, such as one that has been mended.
    other_commit : bool, default=False
        Whether a results folder of another commit or version of Facies goes on. Its rows are kept, and name theirs; fits that
        were under way begin anew.
    overwrite : bool, default=False
        Whether a results folder is begun anew.
    progress : Progress, optional
        Displays how many runs are done.
    report : callable
        Called with each message to the user, one line of text.
    worker : sequence of str, optional
        The command of the process of a run; by default this Python with `facies.workflows.benchmark.worker`.

    Raises
    ------
    InputError
        If the suite cannot be used, a set is unknown or cannot be fetched, the folder is of another suite, version or commit, or
        the cluster does not answer.
    KeyboardInterrupt
        With a message that says how to go on; the table is of what has been run.
    """
    wanted = read_suite(Path(suite))
    folder = data_folder(None if data is None else Path(data))
    places = {each.name: find_set(each, wanted.path, folder) for each in wanted.sets}
    for each in wanted.sets:
        check_arrays(each, places[each.name])
    results = Results(Path(output).expanduser().resolve())
    means = _means(results.path, jobs, engine, scheduler, worker)
    is_new = not results.path.exists()
    with lock_run(results.path):
        here = commit()
        _check_again(again, wanted)
        begun = results.begin_or_continue(wanted, here, __version__, overwrite=overwrite, other_commit=other_commit)
        try:
            inputs = {each.name: input_of(each, places[each.name], results.sets, report) for each in wanted.sets}
            for entry in begun.gone:
                report(f"{entry} was taken out of the suite; it had no row")
            for entry in begun.added:
                report(f"{entry} is new in the suite, and is run now")
            work = _Benchmark(wanted, results, here, means, report)
            if begun.earlier:
                results.take_over(
                    wanted, here, __version__, {key for key, row in work.file.latest().items() if not row["error"]}
                )
                report(
                    f"rows of another state of Facies are kept, and fits without a row begin anew: {'; '.join(begun.earlier)}"
                )
            return work.run(inputs, progress, retry=retry, again=again)
        except InputError:
            if is_new and not (results.rows.exists() or (results.path / "runs").exists()):
                shutil.rmtree(results.path)
            raise


def _check_again(again: Sequence[str], suite: Suite) -> None:
    names = [each.name for each in suite.methods]
    for name in again:
        if name not in names:
            raise InputError(f"again={name!r}: the suite {suite.path.name} has no such method; {suggest(name, names)}")


@dataclass(frozen=True)
class _Means:
    """By what runs are done: processes of this machine or, where there are `blocks`, the workers of a cluster."""

    processes: JobProcesses
    blocks: BlockRuns | None
    is_elsewhere: bool

    def about(self) -> dict[str, Any]:
        """What a row says of them; of other machines the answers say it."""
        if self.is_elsewhere:
            return {"engine": "dask", "jobs": None, "threads": None}
        name = "processes" if self.blocks is None else "dask"
        return {"engine": name, "jobs": self.processes.jobs, "threads": self.processes.threads}

    def run(self, jobs: Sequence[Job], log_of: Callable[[Job], Path], ended: Callable[[Job, Answer], None]) -> None:
        if self.blocks is not None:
            self.blocks.run(jobs, log_of, ended)
            return
        for job, answer in self.processes.run(jobs, log_of):
            ended(job, answer)


def _means(folder: Path, jobs: int, engine: str, scheduler: str | None, worker: Sequence[str] | None) -> _Means:
    made = make_engine(engine, jobs=jobs, scheduler=scheduler)
    processes = JobProcesses(jobs, worker)
    if engine != "dask":
        return _Means(processes, None, is_elsewhere=False)
    threads = processes.threads if scheduler is None else None
    return _Means(processes, BlockRuns(made, folder, worker, threads), is_elsewhere=scheduler is not None)


class _Benchmark:
    """One call of `benchmark`, once everything has been checked."""

    def __init__(
        self,
        suite: Suite,
        results: Results,
        commit: str | None,
        means: _Means,
        report: Callable[[str], None],
    ) -> None:
        self.suite, self.results, self.commit, self.means, self.report = suite, results, commit, means, report
        self.file = RowFile(results.rows)

    def run(
        self, inputs: dict[str, Path], progress: Progress | None, *, retry: bool, again: Sequence[str] = ()
    ) -> BenchmarkResult:
        self._say_what_is_assumed()
        self._keep_earlier_answers()
        kept = self.file.latest()
        former = {key for key, row in kept.items() if row["method"] in again and not self._is_of_this_state(row)}
        if again:
            count = f"{len(former)} runs" if former else "no run"
            self.report(f"again, since they are of another commit: {count} of {', '.join(again)}")
        self.results.begin_again(former)
        done = {key for key, row in kept.items() if not (retry and row["error"])} - former
        left = [each for each in self.suite.runs if (each[0].name, each[1].name, each[2]) not in done]
        if len(left) < len(self.suite.runs):
            self.report(f"{len(self.suite.runs) - len(left)} of {len(self.suite.runs)} runs are there already")
        try:
            self._run_all([self._job(*each, inputs[each[0].name]) for each in left], progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "interrupted: the same command goes on from here; the table is of what was run"
            ) from None
        except EngineLostError as error:
            raise InputError(
                f"{error.engine} was lost: the same command goes on from here; the table is of what was run"
            ) from error
        finally:
            rows = self._rows()
            if rows:
                write_benchmark_report(rows, self.results.table, self.results.report, self.suite.path.stem)
        return BenchmarkResult(self.results.path, rows, len(left), sum(row["error"] is not None for row in rows))

    def _is_of_this_state(self, row: Row) -> bool:
        return (row["commit"], row["versions"].get("facies", __version__)) == (self.commit, __version__)

    def _rows(self) -> list[Row]:
        """The last row of each run of the suite, in its order."""
        latest = self.file.latest()
        keys = [(images.name, method.name, seed) for images, method, seed in self.suite.runs]
        return [latest[key] for key in keys if key in latest]

    def _say_what_is_assumed(self) -> None:
        if self.file.cut:
            self.report(f"{self.results.rows.name}: the last line was cut off in a kill; its run is repeated")
        told, programs = (
            [each.name for each in self.suite.methods if each.told and bool(each.program) is is_program]
            for is_program in (False, True)
        )
        for each in self.suite.sets:
            if each.n_groups is None and told:
                self.report(f"the set {each.name} has no n_groups: {', '.join(told)} take the number of their presets")
            if each.n_groups is None and programs:
                self.report(f"the set {each.name} has no n_groups: {', '.join(programs)} are told none")

    def _keep_earlier_answers(self) -> None:
        """Write rows of what the workers of a cluster had done when an earlier call was killed."""
        kept = 0
        for job, answer in earlier_answers(self.results.path):
            row = self.file.latest().get((job["set"], job["entry"], job["seed"]))
            if row is None or (row["error"] is not None and answer["error"] is None):
                self._append(job, answer)
                kept += 1
        if kept:
            self.report(f"{kept} runs that the cluster had done before the last call was ended are kept")
        forget(self.results.path)

    def _job(self, images: SetEntry, method: MethodEntry, seed: int, source: Path) -> dict[str, Any]:
        options = dict(images.options)
        if isinstance(options.get("labels"), str):
            options["labels"] = str((self.suite.path.parent / Path(options["labels"]).expanduser()).resolve())
        return {
            "set": images.name,
            "entry": method.name,
            "seed": seed,
            "source": str(source),
            "run": str(self.results.run(images.name, method.name, seed)),
            "method": method.method,
            "preset": method.preset,
            "parameters": method.parameters_for(images, seed),
            "options": options,
            "program": absolute_command(method.program, self.suite.path.resolve().parent),
        }

    def _run_all(self, jobs: Sequence[Job], progress: Progress | None) -> None:
        if not jobs:
            return
        begun, number = time.monotonic(), 0
        if progress is not None:
            progress.start(STAGE, len(jobs), "runs")

        def ended(job: Job, answer: Answer) -> None:
            nonlocal number
            number += 1
            row = self._append(job, answer)
            left = (time.monotonic() - begun) / number * (len(jobs) - number)
            self.report(
                f"{number} of {len(jobs)}: {_in_words(row)}" + (f"; about {_minutes(left)} left" if left else "")
            )
            if progress is not None:
                progress.advance(1, f"{job['entry']} on {job['set']}")

        self.means.run(jobs, self._log_of, ended)
        if progress is not None:
            progress.finish()

    def _append(self, job: Job, answer: Answer) -> Row:
        here = {"machine": machine(), "versions": versions(), "commit": self.commit}
        row = {**here, **self._row(job, answer), "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
        self.file.append(row)
        return row

    def _log_of(self, job: Job) -> Path:
        return self.results.log(job["set"], job["entry"], job["seed"])

    def _row(self, job: Job, answer: dict[str, Any]) -> Row:
        name = job["entry"] if job["method"] == PROGRAM else job["method"]
        named = {"set": job["set"], "method": job["entry"], "seed": job["seed"]}
        about = {
            "of_method": job["method"],
            "preset": job["preset"],
            **self.means.about(),
            "published": self.suite.published.get(name, {}).get(job["set"]),
        }
        missing = dict.fromkeys(("n_groups", "accuracy", "accuracy_majority", "nmi", "ari", "seconds", "peak_bytes"))
        row = {**named, **missing, "collapsed": False, "parameters": dict(job["parameters"]), **about, **answer}
        return {**row, "error": _without_places(row["error"], job, self.results.path)}


def _without_places(error: str | None, job: Job, results: Path) -> str | None:
    """The same without folders of this machine."""
    if error is None:
        return None
    source = Path(job["source"])
    for word in job["program"]:
        error = error.replace(word, "/".join(Path(word).parts[-4:])) if Path(word).is_absolute() else error
    return error.replace(str(source), source.name).replace(f"{results}/", "").replace(f"{source.parent}/", "")


def _in_words(row: Row) -> str:
    what = f"{row['method']} on {row['set']}, seed {row['seed']}: "
    if row["error"] is not None:
        return f"{what}failed: {row['error']}"
    agreement = "no labels" if row["accuracy"] is None else f"accuracy {row['accuracy']:.3f}"
    collapsed = ", collapsed" if row["collapsed"] else ""
    return f"{what}{agreement}, {row['n_groups']} groups{collapsed}, {row['seconds']:.0f} s"


def _minutes(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds > 5400
        else f"{seconds / 60:.0f} min"
        if seconds > 90
        else f"{seconds:.0f} s"
    )
