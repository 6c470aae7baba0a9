"""Random schedules against the binary, in virtual time: commands, animals, faults, line noise.

    python -m tests.firmware.schedules --cases 10000 [--first SEED] [--jobs N]

The host's half of the wire (`rig.hardware.link`) talks to the shipped ELF over a line that may
garble and lose bytes. Every schedule is a seed and can be played again. By the truth of the
mechanism, not by what anybody says:

* no door is driven on towards closed for more than 100 ms with something in it;
* "closed" is said only where the closed switch is pressed;
* after a reset no door moves before it is told to open;
* no panel is faster than 5 cm/s (mean of 160 ms, a millimetre of tolerance), but where something
  was taken from under it or out of its way;
* when the host is silent in the end, no door moves and no output is on.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig.firmware.build import build
from rig.hardware.link import Link, Phase
from rig.hardware.orders import Order, Verb
from rig.hardware.wire import parse_line
from tests.firmware.simulator import Simulator, build_harness, lacking

STEP_US = 10_000
ACTING_US = 3_000_000
GREETED_US = 80_000  # hello and its questions are answered by then
QUIET_US = 2_600_000
RESTING_STEPS = 12
PRESSED_US = 100_000
FASTEST_MM_S = 57.0
CLOSED_PLACE = 0.03
DOORS = (1, 2)
RECOVERS = 0.6
PERMITTED_US = (100_000, 2_000_000, 2_000_000, 2_000_000, 2_000_000)
PERMITS_MS = (100, 300, 300, 500)
NOT_OPEN = frozenset(("closed", "jammed", "fault", "opening", "closing"))


class Schedule:
    """One seed's schedule, played to a simulator that has just been started."""

    def __init__(self, seed: int, simulator: Simulator) -> None:
        self.rng = random.Random(seed)
        self.simulator = simulator
        self.link = Link()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.noise = self.rng.choice((0.0, 0.0, 0.0, 0.002, 0.02))
        self.alive = True
        self.plugged = True
        self.permits_until = dict.fromkeys(DOORS, 0)
        self.stuck_closed: set[int] = set()
        self.undisturbed = dict.fromkeys(DOORS, True)  # nothing was taken out of its way
        self.still: dict[int, float] = {}  # places after a reset
        self.standing: list[tuple[object, ...]] = []  # commands that end a fault
        self.said = dict.fromkeys(DOORS, "")  # of each door, last
        self.seen = 0
        self.to_host = b""

    def play(self) -> None:
        rng, simulator = self.rng, self.simulator
        for door in DOORS:
            simulator.tell("place", door, rng.choice((1.0, 1.0, 1.0, 1.0, 0.0, 0.5)))
        next_us = GREETED_US
        while simulator.t_us < ACTING_US:
            orders = []
            if simulator.t_us >= next_us:
                orders = self.act()
                # What comes next comes while a door closes, or when it has: a run takes 1 s.
                closes = any(order.verb is Verb.CLOSE for order in orders)
                waits = (
                    (100_000, 500_000, 900_000, 1_200_000, 1_200_000, 1_200_000)
                    if closes
                    else (10_000, 50_000, 200_000)
                )
                next_us = simulator.t_us + rng.choice(waits)
            if self.alive and simulator.t_us % 30_000 == 0:
                for door, until in self.permits_until.items():
                    if simulator.t_us < until:
                        orders.append(Order(Verb.PERMIT, (door,), 300))
            self.step(orders)
        self.alive = False
        self.permits_until = dict.fromkeys(DOORS, 0)
        began_us, resting = simulator.t_us, 0
        while resting < RESTING_STEPS and simulator.t_us < began_us + QUIET_US:
            before = simulator.places
            self.step([], silent=True)
            # The watchdog has had its time, and nothing moves any more.
            quiet = simulator.t_us > began_us + 300_000 and before == simulator.places
            resting = resting + 1 if quiet else 0
        self.check(resting == RESTING_STEPS, "a door still moves in the end")
        levels = {h.words[1]: h.words[2] for h in simulator.happened if h.words[0] == "out"}
        self.check("1" not in levels.values(), "an output is on in the end")

    def check(self, good: bool, what: str) -> None:
        if not good:
            self.wrong.append(f"{what} ({self.simulator.t_us / 1e6:.3f} s)")

    def step(self, orders: Sequence[Order], silent: bool = False) -> None:
        simulator, link = self.simulator, self.link
        now_ns = simulator.t_us * 1000
        if not silent:
            if self.alive:
                link.alive(now_ns)
            out, _ = link.step(now_ns, self.to_host, orders)
            if self.plugged:
                simulator.send(self.garble(out))
        said = simulator.run_to(simulator.t_us + STEP_US)
        self.to_host = self.garble(said) if self.plugged else b""
        self.judge(said)

    def judge(self, said: bytes) -> None:
        places = self.simulator.places
        for line in said.splitlines(keepends=True):
            text = parse_line(line) or ""
            words = text.split()
            if len(words) > 5 and words[3] == "door" and words[5] == "reversed":
                self.counts[f"reversed {words[6]}"] += 1
            elif len(words) > 5 and words[3] == "door":
                self.counts[words[5]] += 1
                door = int(words[4])
                self.said[door] = words[5]
                if words[5] == "closed" and door not in self.stuck_closed:
                    self.check(places[door - 1] <= CLOSED_PLACE, f"door {door} says closed")
                if words[5] in ("opening", "closing"):
                    self.still.pop(door, None)
        for happened in self.simulator.happened[self.seen :]:
            match happened.words:
                case ["pressed", door, us]:
                    self.check(int(us) <= PRESSED_US, f"door {door} pressed for {us} us")
                    self.counts["pressed"] = max(self.counts["pressed"], int(us))
                case ["fast", door, mm_s] if self.undisturbed.get(int(door)):
                    self.check(float(mm_s) <= FASTEST_MM_S, f"door {door} at {mm_s} mm/s")
        self.seen = len(self.simulator.happened)
        for door, place in self.still.items():
            # What was moving runs on to the end of its last pulse.
            self.check(abs(places[door - 1] - place) < 0.05, f"door {door} moved after a reset")

    def disturb(self, door: int) -> None:
        """Something comes or goes that may let the panel sink on its string by itself."""
        self.undisturbed[door] = False
        self.still.pop(door, None)

    def garble(self, data: bytes) -> bytes:
        if not self.noise:
            return data
        kept = bytearray()
        for byte in data:
            if self.rng.random() < self.noise / 4:
                continue
            flips = self.rng.random() < self.noise
            kept.append(byte ^ 1 << self.rng.randrange(8) if flips else byte)
        return bytes(kept)

    def act(self) -> list[Order]:
        """Something happens; the orders that the host gives."""
        rng, simulator = self.rng, self.simulator
        door = rng.choice(DOORS)
        if self.standing and rng.random() < RECOVERS:
            return self.recover(self.standing.pop(rng.randrange(len(self.standing))))
        acts = (
            ["close"] * 20
            + ["open", "stop", "home", "out", "train", "off"]
            + ["finger"] * 5
            + ["beam"] * 3
            + ["lapse", "jam", "slow", "stuck", "stuck-beam", "reset", "dead", "unplug"]
        )
        kind = rng.choice(acts)
        if kind == "close" and self.said[door] in NOT_OPEN and rng.random() < 0.8:
            kind = "open"
        self.counts[f"act {kind}"] += 1
        match kind:
            case "close":
                doors = rng.choice(((door,), DOORS))
                for door in doors:
                    self.permits_until[door] = simulator.t_us + rng.choice(PERMITTED_US)
                return [Order(Verb.CLOSE, (d,), rng.choice(PERMITS_MS)) for d in doors]
            case "open" | "home":
                return [Order(Verb(kind), rng.choice(((door,), DOORS)))]
            case "stop":
                return [Order(Verb.STOP, DOORS)]
            case "out":
                return [Order(Verb.OUT, (1,), rng.choice((50, 300, 2000)))]
            case "train":
                return [Order(Verb.TRAIN, (2,), rng.choice((50, 300, 2000)), 20, 5000)]
            case "off":
                return [Order(Verb.OFF, (1,))]
            case "finger":
                self.fault(("finger", door, round(rng.uniform(0.05, 1.0), 3)), "-")
            case "beam":
                self.fault(("beam", door, 1), 0)
            case "lapse":
                self.permits_until[door] = 0
            case "jam":
                self.fault(("jam", door, 1), 0)
            case "slow":
                self.fault(("slow", door, rng.choice((0.02, 0.1, 0.3))), 1)
            case "stuck":
                switch = rng.choice(("open", "closed"))
                self.fault(("stuck", door, switch, rng.choice("01")), "-")
            case "stuck-beam":
                self.fault(("stuck-beam", door, rng.choice("01")), "-")
            case "reset":
                cause = rng.choice(("power", "external", "brownout", "watchdog"))
                simulator.tell("reset", cause, rng.choice((0, 1_000, 60_000, 500_000)))
                # What came before the reset is over; where the doors are then, they stay.
                self.judge(simulator.run_to(simulator.t_us + STEP_US))
                self.still = {d: simulator.places[d - 1] for d in DOORS if self.undisturbed[d]}
                self.said = dict.fromkeys(DOORS, "")
            case "dead":
                self.alive = False
                self.standing.append(("alive",))
            case "unplug":
                if self.plugged:
                    self.plugged = False
                    self.link.lost(simulator.t_us * 1000)
                    self.standing.append(("plug",))
        return []

    def fault(self, command: tuple[object, ...], after: object) -> None:
        """Begin a fault; `after` in place of its last word ends it."""
        self.obey(command)
        self.standing.append((*command[:-1], after))

    def recover(self, command: tuple[object, ...]) -> list[Order]:
        """End a fault."""
        match command:
            case ("alive",):
                self.alive = True
            case ("plug",):
                self.plugged = True
                self.link.found(self.simulator.t_us * 1000)
            case _:
                self.obey(command)
        return []

    def obey(self, command: tuple[object, ...]) -> None:
        """A command of the harness; and what is not to be judged any more because of it."""
        match command:
            case ("stuck", int(door), switch, value):
                self.disturb(door)  # a ramp begins where a switch says
                if switch == "closed":
                    (self.stuck_closed.discard if value == "-" else self.stuck_closed.add)(door)
            case ("finger" | "jam", int(door), _) | ("slow", int(door), 1):
                self.disturb(door)  # a servo that was held up goes after its pulse at its own speed
        self.simulator.tell(*command)


def play(seed: int, harness: Path, elf: Path) -> tuple[Counter[str], list[str]]:
    """What was counted in one schedule, and what was wrong."""
    with Simulator(harness, elf) as simulator:
        schedule = Schedule(seed, simulator)
        schedule.play()
        up = schedule.link.phase is Phase.UP
        return schedule.counts + Counter({"link up in the end": int(up)}), schedule.wrong


def play_all(
    seeds: Sequence[int], harness: Path, elf: Path, jobs: int
) -> tuple[Counter[str], list[str]]:
    """The same for many; the longest press is kept, the rest added up."""
    total: Counter[str] = Counter()
    wrong = []
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda seed: play(seed, harness, elf), seeds)
        for seed, (counts, faults) in zip(seeds, results, strict=True):
            pressed = max(total["pressed"], counts.pop("pressed", 0))
            total += counts
            total["pressed"] = pressed
            wrong += [f"seed {seed}: {fault}" for fault in faults]
    return total, wrong


def told(cases: int, total: Counter[str], wrong: Sequence[str]) -> str:
    """What a person wants to read of it."""
    causes = {name.split()[1]: n for name, n in total.items() if name.startswith("reversed ")}
    listed = ", ".join(f"{cause} {n}" for cause, n in sorted(causes.items()))
    words = ", ".join(f"{word} {total[word]}" for word in ("closing", "closed", "opening", "open"))
    more = ", ".join(f"{word} {total[word]}" for word in ("jammed", "fault"))
    return (
        f"{cases} schedules, {sum(causes.values())} reversals ({listed}); {words}, {more}; "
        f"longest press {total['pressed'] / 1000:.0f} ms (0: below 50); {len(wrong)} wrong"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play schedules as the command line says; exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.firmware.schedules")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(arguments)
    if why := lacking():
        sys.stderr.write(f"cannot build and simulate the firmware: {why}\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        elf, harness = build(Path(folder)), build_harness(Path(folder))
        seeds = range(given.first, given.first + given.cases)
        total, wrong = play_all(seeds, harness, elf, given.jobs)
    for line in wrong[:50]:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{told(given.cases, total, wrong)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
