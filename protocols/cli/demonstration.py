"""`demo`: pre-test and post-test of simulated animals over both cores."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from protocols.asking import find_protocol
from protocols.cli.exits import DONE
from protocols.cli.table import lines, print_json, progress
from protocols.protocol import plan_session, settings
from protocols.scores import cpp_score_s
from rig.errors import ConfigError
from rig.hardware.simulated.mouse import MouseSettings, Preset, betas
from rig.session import Wish, load_rig, record
from rig.session.rescoring import check_out
from rig.storage import is_noted, note_pairing
from rig.tracking.threads import use_one_thread

TEST_S = 1200
MOST_ANIMALS = 64
EFFECT = 0.8
"""Mean shift of preference by conditioning, log-odds: a score of about 190 s in 1200 s."""


@dataclass(frozen=True)
class Scored:
    """One animal of the demonstration."""

    subject: str
    paired: str
    pre_s: float
    post_s: float
    score_s: float
    folders: tuple[str, str]


def demo(out: Path | None, animals: int, seed: int, *, as_json: bool) -> int:
    """Run it, print each animal's score and where the folders are."""
    if not 1 <= animals <= MOST_ANIMALS:
        raise ConfigError("--animals", "", f"{animals}: 1 to {MOST_ANIMALS}")
    if out is None:
        folder = free_folder()
    else:
        folder = out
        check_out(folder)
        for index in range(animals):
            is_noted(folder, *_named(index))
        folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    scored = _simulated(folder, animals, seed)
    scored.sort(key=lambda animal: animal.subject)
    if as_json:
        print_json({"folder": str(folder), "animals": [asdict(a) for a in scored]})
        return DONE
    rows = [(a.subject, a.paired, a.pre_s, a.post_s, a.score_s) for a in scored]
    print(
        lines(rows, ("animal", "paired", "pre-test s", "post-test s", "score s"))
        + f"\n\nSeconds of {TEST_S} in the paired chamber; score = post-test less pre-test."
        f"\nSimulated: {2 * animals} sessions of {TEST_S // 60} min in"
        f" {time.monotonic() - began:.0f} s. The animals never existed.\n\nSessions:"
    )
    for animal in scored:
        for session in animal.folders:
            print(f"  {session}")
    print("\nNext: placepref verify SESSION, placepref rescore SESSION --out DIR")
    return DONE


def _simulated(folder: Path, animals: int, seed: int) -> list[Scored]:
    """Every animal, one to a core; their processes end with this one, whatever ends it."""
    context = multiprocessing.get_context("spawn")
    scored: list[Scored] = []
    with ExitStack() as stack:
        with _deaf_to_ctrl_c():  # and so are the processes that are begun here
            done = stack.enter_context(context.Manager()).dict()
            others = set(multiprocessing.active_children())
            workers = max(1, min(animals, os.cpu_count() or 1))
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=context))
            jobs = [pool.submit(one_animal, folder, i, seed, done) for i in range(animals)]
        told = stack.enter_context(progress("simulating"))
        waiting: set[Future[Scored]] = set(jobs)
        try:
            while waiting:
                ready, waiting = wait(waiting, timeout=0.25, return_when=FIRST_COMPLETED)
                told(sum(done.values()), animals * 2 * TEST_S)
                scored += [job.result() for job in ready]
        except BaseException:
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
    return scored


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def free_folder() -> Path:
    """./placepref-demo, or -2, -3 ... where that is there already; it is made."""
    number = 1
    while True:
        folder = Path("placepref-demo" + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _named(index: int) -> tuple[str, str, str]:
    """An animal's id, its paired and its unpaired chamber."""
    sides = ("left", "right")
    return f"M{index + 1:02d}", sides[index % 2], sides[1 - index % 2]


def one_animal(folder: Path, index: int, seed: int, done: MutableMapping[str, float]) -> Scored:
    """Both tests of one animal; runs in a process of its own."""
    use_one_thread()
    protocol, _ = find_protocol("cocaine-cpp")
    values = settings(protocol, [f"test_s={TEST_S}"])
    loaded = load_rig("sim")
    apparatus = loaded.box_named(None).apparatus
    subject, paired, unpaired = _named(index)
    note_pairing(folder, subject, paired, unpaired)
    own = seed * 1000 + index
    times, folders = [], []
    for n, (phase, beta) in enumerate(
        zip(("pretest", "posttest"), betas(own, EFFECT), strict=True)
    ):
        plan = plan_session(protocol, phase, apparatus, paired, values)
        mouse = MouseSettings(Preset.PRETEST, beta=beta, preferred=paired)

        def tell(tick: object, outcome: object, n: int = n) -> None:
            k = getattr(tick, "k", 0)
            if k % 450 == 0:
                done[subject] = n * TEST_S + min(TEST_S, k / loaded.rig.camera.rate_hz)

        session = record(
            Wish(plan=plan, subject=subject, phase=phase),
            loaded,
            out=folder,
            seed=2 * own + n,
            animal=mouse,
            listeners=(tell,),
        )
        times.append(float(session.summary[f"time_{paired}_s"]))
        folders.append(str(session.folder))
    done[subject] = 2 * TEST_S
    return Scored(
        subject,
        paired,
        times[0],
        times[1],
        cpp_score_s(times[0], times[1]),
        (folders[0], folders[1]),
    )
