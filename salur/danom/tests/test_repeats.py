"""What came before in a file, against the plain way with a dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from salur.danom.repeats import Seen


@given(st.lists(st.lists(st.integers(0, 60), max_size=25), max_size=30))
def test_each_number_knows_the_first_line_that_had_it(stretches):
    seen, first, line = Seen(), {}, 0
    for numbers in stretches:
        lines = np.arange(line + 1, line + 1 + len(numbers), dtype=np.int32)
        line += len(numbers)
        expected = []
        for number, at in zip(numbers, lines.tolist(), strict=True):
            expected.append(first.get(number, 0))
            first.setdefault(number, at)
        assert seen.earlier(np.array(numbers, np.int64), lines).tolist() == expected
    assert all(len(a[0]) >= 2 * len(b[0]) for a, b in zip(seen._runs, seen._runs[1:], strict=False))
