"""Whether an output went on and off where the zone log of a session says that it should.

python tests/accuracy/edges.py SESSION...

For sessions whose rules are plain (`while in ZONE: output ...`, no dwell, no caps) and whose
animal was always seen. Three records are held against one another: the rows of frames.csv, from
which the edges that should be are found here anew; the `output_on` and `output_off` events, which
are what was decided; and the board's own reports in ticks.jsonl. Prints a table a session; exits
with 1 if any disagree.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rig.errors import RigError
from rig.model import NS_PER_S, DoorReport, ReportKind
from rig.steps import Rule
from rig.storage import SessionRecord

LIMIT_MS = 50.0
"""The longest from a picture's time to the last byte of the board's report of what it led to."""


class Edge(NamedTuple):
    """One change of an output: the picture that it was decided on, and that picture's time."""

    frame: int
    on: bool
    t_ns: int


@dataclass
class Comparison:
    """What was found for one output of one session; `disagreements` is empty where all is well.

    `ended_on`: the output was on when the session ended, and went off with it. Nobody listens
    any more to what the board says then.
    """

    output: str
    zone: str
    logged: list[Edge] = field(default_factory=list)  # what the zone column asks for
    decided: list[Edge] = field(default_factory=list)  # output_on, output_off
    ended_on: bool = False
    reported: list[DoorReport] = field(default_factory=list)  # what the board did
    delays_ms: list[float] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Lines for a person."""
        rows = [f"output {self.output} while in {self.zone}"]
        counts = {
            "zone log": [edge.on for edge in self.logged],
            "decided": [edge.on for edge in self.decided],
            "on the board": [report.value == "on" for report in self.reported],
        }
        for name, on in counts.items():
            rows.append(f"  {name:14s} {len(on):4d} edges: {sum(on)} on, {len(on) - sum(on)} off")
        if self.ended_on:
            rows.append("  it was on when the session ended, and was switched off with it")
        if self.delays_ms:
            middle, worst = np.percentile(self.delays_ms, [50, 100])
            rows.append(f"  picture to board's report: median {middle:.1f}, worst {worst:.1f} ms")
        rows.append(f"  disagreements  {len(self.disagreements):4d}")
        rows += [f"    {text}" for text in self.disagreements]
        return "\n".join(rows)


def compare(folder: Path, limit_ms: float = LIMIT_MS) -> list[Comparison]:
    """A comparison for each output that a rule of the session switches.

    Raises ValueError for a plan whose rules are not plain: there the zone column alone does not
    say what an output does. Raises RigError for a folder that cannot be read.
    """
    record = SessionRecord.open(folder)
    plan = record.setup.plan
    found = []
    for output in sorted(plan.outputs):
        rules = {
            plan.step_name(i): rule
            for i, step in enumerate(plan.step)
            for rule in step.rule
            if rule.output == output
        }
        latched = any(step.output == output for step in plan.step)
        if latched or not all(map(_is_plain, rules.values())):
            raise ValueError(f"{folder}: output {output!r} is not switched by plain rules alone")
        found.append(_compare(record, output, rules, limit_ms))
    return found


def _is_plain(rule: Rule) -> bool:
    waits, caps = (rule.dwell_s, rule.refractory_s), (rule.max_on_s, rule.total_on_s)
    return not any(waits) and caps == (None, None)


def _compare(
    record: SessionRecord, output: str, rules: Mapping[str, Rule], limit_ms: float
) -> Comparison:
    found = Comparison(output, "/".join(dict.fromkeys(rule.while_in for rule in rules.values())))
    times_ns = {t.frame: t.t_ns for t in record.ticks() if t.frame is not None}
    events = record.events()
    found.logged = list(_logged(record, rules, events, times_ns))
    _take_decisions(found, events, times_ns)
    found.reported = [
        report
        for tick in record.ticks()
        for report in tick.reports
        if report.kind is ReportKind.OUTPUT and report.name == output
        # Without the board's own time it is the state that was read when the line came up.
        if report.board_ms is not None
    ]
    _hold_decided_against_log(found)
    _hold_board_against_decided(found, limit_ms)
    return found


def _logged(
    record: SessionRecord,
    rules: Mapping[str, Rule],
    events: list[dict[str, Any]],
    times_ns: Mapping[int, int],
) -> Iterator[Edge]:
    """The changes of "in the rule's zone, in the rule's step", from the rows of frames.csv.

    A step's rows begin at the picture from which it counts; its rules act from the picture at
    which that was known, which is when hands had been out for long enough, and no longer at the
    picture that ends it.
    """
    began_ns, ended_ns = _said_ns(events, "step_started"), _said_ns(events, "step_ended")
    columns, on = record.columns(), False
    for k, frame in enumerate(map(int, columns["frame"])):
        step = columns["step"][k]
        rule = rules.get(step)
        inside = False
        t_ns = int(columns["t_ns"][k])
        if rule is not None and began_ns[step] <= t_ns < ended_ns.get(step, t_ns + 1):
            zone = columns.get(f"in_{rule.while_in}")
            inside = columns["zone"][k] == rule.while_in if zone is None else bool(zone[k])
        if inside is not on:
            on = inside
            yield Edge(frame, on, times_ns[frame])


def _said_ns(events: list[dict[str, Any]], kind: str) -> dict[str, int]:
    # Half a microsecond is for the way of a time through JSON.
    return {
        e["data"]["name"]: round(e["t_s"] * NS_PER_S) - 500 for e in events if e["kind"] == kind
    }


def _take_decisions(
    found: Comparison, events: list[dict[str, Any]], times_ns: Mapping[int, int]
) -> None:
    ended = False
    for event in events:
        kind, data = event["kind"], event["data"]
        ended = ended or kind == "ending"
        if kind not in ("output_on", "output_off") or data["output"] != found.output:
            continue
        if kind == "output_on" or data["why"] in ("left", "rule"):  # has left; the step has ended
            frame = int(data["frame"])
            found.decided.append(Edge(frame, kind == "output_on", times_ns[frame]))
        elif ended:
            found.ended_on = True
        else:
            found.disagreements.append(f"{event['t_s']:.3f} s: off because of {data['why']}")


def _hold_decided_against_log(found: Comparison) -> None:
    logged, decided = set(found.logged), set(found.decided)
    if len(decided) != len(found.decided):
        found.disagreements.append("an edge was decided twice")
    for edge in sorted(logged - decided):
        found.disagreements.append(f"{_words(edge)} by the zone log, but it was not decided")
    for edge in sorted(decided - logged):
        found.disagreements.append(f"{_words(edge)} was decided, but not by the zone log")


def _hold_board_against_decided(found: Comparison, limit_ms: float) -> None:
    reported = list(found.reported)
    if found.ended_on and len(reported) > len(found.decided) and reported[-1].value == "off":
        reported.pop()
    for edge, report in zip_longest(found.decided, reported):
        if edge is None:
            text = f"{report.value} on the board at its {report.board_ms} ms, not decided"
            found.disagreements.append(text)
        elif report is None:
            found.disagreements.append(f"{_words(edge)} was decided, nothing from the board")
        elif report.value != ("on" if edge.on else "off"):
            text = f"{_words(edge)} was decided, {report.value} came from the board"
            found.disagreements.append(text)
        else:
            delay_ms = (report.t_ns - edge.t_ns) / 1e6
            found.delays_ms.append(delay_ms)
            if not 0 <= delay_ms <= limit_ms:
                text = (
                    f"{_words(edge)}: {delay_ms:.1f} ms to the board's report (0 to {limit_ms:g})"
                )
                found.disagreements.append(text)


def _words(edge: Edge) -> str:
    return f"frame {edge.frame} {'on' if edge.on else 'off'}"


def main(folders: list[str]) -> int:
    """Print a table a session; 1 where records disagree, 2 where there is nothing to compare."""
    if not folders:
        print("usage: python tests/accuracy/edges.py SESSION...", file=sys.stderr)
        return 2
    good = True
    for folder in folders:
        try:
            compared = compare(Path(folder))
        except (RigError, ValueError) as error:
            print(error, file=sys.stderr)
            return 2
        print(folder)
        for found in compared:
            print(found.table())
            good = good and not found.disagreements
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
