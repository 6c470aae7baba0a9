import math

from hypothesis import given
from hypothesis import strategies as st

from rig.engine.loop import Latency


@given(st.lists(st.integers(-5, 3_000_000_000), min_size=1, max_size=60))
def test_latencies_are_told_as_if_each_step_were_counted(delays: list[int]) -> None:
    latency = Latency()
    for ns in delays:
        latency.add(ns)
    told = latency.figures()
    steps = sorted(min(max(ns, 0) // 10_000, 100_000) for ns in delays)
    for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        place = math.ceil(share * len(steps)) - 1
        assert told[f"latency_{name}_ms"] == (steps[place] + 1) / 100
