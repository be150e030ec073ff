"""Jobs done by an engine, whose values come back in the order in which the jobs were given, few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from facies.errors import InputError
from facies.scale.engines import Engine
from facies.scale.runner import TRIES

Item = TypeVar("Item")


def results_in_order(
    engine: Engine, function: Callable[..., Any], items: Iterable[Item], *, ahead: int = 8
) -> Iterator[tuple[Item, Any]]:
    """Call a function with each item, and yield item and value in the order of the items.

    It is for one writer that must not wait for anybody to finish out of turn; what needs no order is a `BlockPlan`.

    Parameters
    ----------
    engine : Engine
        Who does it; it has been entered.
    function : callable
        A function of one item; both can be pickled. It must give the same when it is called again.
    items : iterable
        What to call it with.
    ahead : int, default=8
        How many values may wait for those before them.

    Raises
    ------
    InputError
        If the function raises one.
    Exception
        What the function raises, or what ended its process, three times.
    """
    source = enumerate(items)
    waiting: dict[int, Item] = {}
    values: dict[int, Any] = {}
    failures: Counter[int] = Counter()
    turn, is_left = 0, True
    while True:
        while is_left and engine.room() > 0 and len(waiting) + len(values) < ahead:
            number, item = next(source, (None, None))
            if number is None or item is None:
                is_left = False
                break
            waiting[number] = item
            engine.submit(number, function, item)
        if turn in values:
            yield values.pop(turn)
            turn += 1
            continue
        if not waiting:
            return
        outcome = engine.next_outcome()
        if outcome.error is not None:
            failures[outcome.number] += 1
            if isinstance(outcome.error, InputError) or failures[outcome.number] >= TRIES:
                raise outcome.error
            engine.submit(outcome.number, function, waiting[outcome.number])
            continue
        values[outcome.number] = (waiting.pop(outcome.number), outcome.value)
