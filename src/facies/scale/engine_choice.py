"""An engine by its name."""

from __future__ import annotations

from typing import Literal, cast

from facies.errors import InputError, suggest
from facies.scale.engines import Engine, ThisProcess

EngineName = Literal["processes", "dask"]
ENGINES: tuple[EngineName, ...] = ("processes", "dask")


def make_engine(name: str, *, jobs: int = 1, scheduler: str | None = None) -> Engine:
    """Make an engine.

    Parameters
    ----------
    name : {"processes", "dask"}
        Processes of this machine, or a Dask cluster.
    jobs : int, default=1
        How many processes; for Dask without a scheduler, how many workers of the cluster that is started here. One process is
        this one.
    scheduler : str, optional
        The address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    InputError
        If there is no such engine, or Dask is not installed.
    """
    if name not in ENGINES:
        raise InputError(f"--engine {name} is not known; {suggest(name, ENGINES)}")
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: at least 1 process is needed")
    if name == "dask":
        from facies.scale.dask_engine import DaskEngine

        return DaskEngine(scheduler, jobs)
    if scheduler is not None:
        raise InputError("--scheduler is the address of a Dask scheduler: give --engine dask, too")
    if jobs == 1:
        return ThisProcess()
    from facies.scale.process_engine import ProcessEngine

    return cast("Engine", ProcessEngine(jobs))
