from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from facies.training import derive_seed


def test_the_same_on_every_machine_and_run():
    assert derive_seed(0) == 1_609_362_278
    code = "from facies.training.seeds import derive_seed; print(derive_seed(7, 'experts', 3))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == derive_seed(7, "experts", 3)


@given(st.integers(-(2**40), 2**40), st.lists(st.text() | st.integers(), max_size=3))
def test_range(random_state, names):
    seed = derive_seed(random_state, *names)
    assert isinstance(seed, int)
    assert 0 <= seed < 2**31


def test_every_part_has_its_own():
    seeds = {
        derive_seed(state, stage, epoch) for state in range(5) for stage in ("embed", "manager") for epoch in range(100)
    }
    assert len(seeds) == 1000
    assert derive_seed(1, 23) != derive_seed(12, 3)
