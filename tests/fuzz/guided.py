"""The parsers, led by what code a case reaches: `python -m tests.fuzz.guided --seconds 300`.

Every kind of text and message of `tests.fuzz`, with the same good files, the same ways to spoil
them and the same judgement, but what reaches code that no case reached before is kept and spoilt
further (atheris, on libFuzzer; for Linux and macOS: python -m pip install atheris). Files with C
libraries below them (video, HDF5, pictures) are for `python -m tests.fuzz`: of those only our few
lines could be followed.

Prints for each kind its cases, how many places in our code they reached, and its faults, of which a
kind has one at most: it ends with it. Exits with 1 after a fault; where atheris is missing it says
so and exits with 0.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

KINDS = (
    "apparatus file", "rig file", "protocol file", "table of times", "table of animals",
    "corrections", "pairing, summary", "track as text", "by eye and hand", "ticks", "wire",
    "channel", "user's folders",
)  # fmt: skip
HEAD = ("what is read", "cases", "places", "faults")
PACKAGES = ["rig", "protocols", "gui"]
HANG_S = 20
LARGEST = 1 << 16
"""Of a file; a larger one is not worse, only slower."""
_REACHED = re.compile(r"(?:INITED|NEW|REDUCE|pulse|DONE)\s+cov: (\d+)")
_CASES = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


class FaultError(Exception):
    """What a case did that it may not; libFuzzer keeps the case and ends."""


def main() -> int:
    """Run the kinds that are asked for; the exit code."""
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--seconds", type=int, default=300, metavar="S", help="in all")
    ask.add_argument("--seed", type=int, default=1, metavar="N", help="libFuzzer's")
    ask.add_argument("--only", action="append", choices=KINDS, metavar="KIND", default=[])
    ask.add_argument("--keep", type=Path, metavar="DIR", help="cases with faults go there")
    ask.add_argument("--worker", default="", help=argparse.SUPPRESS)
    options = ask.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("skipped: atheris is not installed (python -m pip install atheris; not for Windows)")
        return 0
    if options.worker:
        return _work(options.worker, options.seconds, options.seed, options.keep)
    print(_line(HEAD), flush=True)
    kinds, faults = options.only or KINDS, []
    for kind in kinds:
        faults += _follow(kind, max(1, options.seconds // len(kinds)), options)
    for words in faults:
        print(words)
    return 1 if faults else 0


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<18}" + "".join(f"{cell:>12}" for cell in cells[1:])


def _follow(kind: str, seconds: int, options: Any) -> list[str]:
    """One kind, in a process of its own: its row is printed; its fault, if there was one."""
    with tempfile.TemporaryDirectory(prefix="placepref-guided-") as scratch:
        keep = options.keep or Path(scratch)
        words = [sys.executable, "-m", "tests.fuzz.guided", "--worker", kind, "--keep", str(keep)]
        words += ["--seconds", str(seconds), "--seed", str(options.seed)]
        env = {**os.environ, "TMPDIR": scratch}  # libFuzzer ends its process as it stands
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", check=False, env=env
        )
    said = done.stderr
    reached = [int(number) for number in _REACHED.findall(said)] or [0]
    cases = sum(int(number) for number in _CASES.findall(said))
    counts = cases, reached[-1], int(done.returncode != 0)
    print(_line((kind, *map(str, counts))), flush=True)
    if done.returncode == 0:
        return []
    told = [line for line in said.splitlines() if "Fault" in line or "ERROR" in line]
    return [f"{kind}: {' | '.join(told[:3]) or said[-600:]}"]


def _work(kind: str, seconds: int, seed: int, keep: Path) -> int:
    """In the worker: the code is looked at as it is imported, so nothing of it was before."""
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

    # What a module imports only when it is needed is imported by the good files, in here too.
    with tempfile.TemporaryDirectory(prefix="placepref-guided-") as scratch:
        with atheris.instrument_imports(include=PACKAGES):
            from tests.fuzz.case import Bench, Came
            from tests.fuzz.targets import TARGETS

            target = next(one for one in TARGETS if one.name == kind)
            bench = Bench(target, Path(scratch) / "bench")
            came, words = bench.good()
        if came is not Came.READ:
            raise ValueError(f"good files: {came}: {words}")
        files = bench.files[:256]
        beginning = Path(scratch) / "beginning"
        beginning.mkdir()
        for number, (name, _) in enumerate(files):
            good = (Path(scratch) / "bench" / "good" / name).read_bytes()
            (beginning / str(number)).write_bytes(bytes([number]) + good)

        def read(data: bytes) -> None:
            if not data:
                return
            came, words = bench.run(files[data[0] % len(files)][0], bytes(data[1:]))
            if came not in (Came.READ, Came.REFUSED):
                raise FaultError(f"{came}: {words}")

        def spoil(data: bytes, most: int, seed: int) -> bytes:
            """Half of them as bytes, as libFuzzer does; half by words, as `tests.fuzz.mutate`."""
            dice = Random(seed)
            if len(data) > 1 and dice.random() < 0.5:
                mutate = files[data[0] % len(files)][1]
                with suppress(Exception):  # it wants what is well formed, and that was spoilt
                    return (bytes(data[:1]) + mutate(bytes(data[1:]), dice))[:most]
            return bytes(atheris.Mutate(data, len(data) + 64))[:most]

        keep.mkdir(parents=True, exist_ok=True)
        words_to_it = [
            sys.argv[0], f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-seed={seed}",
            f"-max_len={LARGEST}", "-print_final_stats=1", f"-artifact_prefix={keep.absolute()}/",
            str(beginning),
        ]  # fmt: skip
        atheris.Setup(words_to_it, read, custom_mutator=spoil)
        atheris.Fuzz()  # ends the process itself
    return 0


if __name__ == "__main__":
    sys.exit(main())
