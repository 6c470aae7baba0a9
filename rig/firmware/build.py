"""Builds the sketch without the Arduino IDE: `python -m rig.firmware.build --out FOLDER`.

Wants avr-gcc, avr-libc and the Arduino core for AVR (Debian: gcc-avr, avr-libc,
arduino-core-avr). Gives `place_preference_controller.elf` and `.hex`.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rig.errors import RigError

SKETCH = Path(__file__).parent / "place_preference_controller"
CORES = Path("/usr/share/arduino/hardware/arduino/avr")
MCU = "atmega328p"
_FLAGS = (
    f"-mmcu={MCU}",
    "-DF_CPU=16000000L",
    "-Os",
    "-g",
    "-ffunction-sections",
    "-fdata-sections",
)
_DEFINES = ("-DARDUINO=10819", "-DARDUINO_AVR_UNO", "-DARDUINO_ARCH_AVR")
_CPP = ("-std=gnu++11", "-fno-exceptions", "-fno-threadsafe-statics")
_REFUSED = re.compile(r"static assertion failed: *(.+)")
# Not used, and Debian's WString.cpp does not compile with Debian's compiler.
_LEFT_OUT = frozenset(("WString.cpp",))


class BuildError(RigError):
    """The firmware could not be built."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said
        """The compiler's own words, line by line; "" where none was run."""


class PinTableError(BuildError):
    """The pin table says what cannot be: one line with the file, the table and what is allowed."""


def missing(cores: Path = CORES) -> tuple[str, ...]:
    """What is not there of what a build wants; empty when all is."""
    tools = [
        tool
        for tool in ("avr-g++", "avr-gcc", "avr-gcc-ar", "avr-objcopy")
        if not shutil.which(tool)
    ]
    core = cores / "cores" / "arduino" / "Arduino.h"
    return (*tools, *(() if core.exists() else (str(core),)))


def build(out: Path, pins: Path | None = None, cores: Path = CORES) -> Path:
    """The ELF, built in `out`; a core that was built there before is used again.

    Args:
        out: folder, made when it is not there.
        pins: a pin table in place of the sketch's own `pins.h`.
        cores: where the Arduino core for AVR is: the folder with `cores` and `variants`.

    Raises PinTableError for a pin table that cannot be, BuildError with the compiler's words when
    it does not compile, or when a tool is missing. What was built in `out` before is gone then:
    nobody flashes an older table by mistake.
    """
    lacking = missing(cores)
    if lacking:
        raise BuildError(f"cannot build the firmware, missing: {', '.join(lacking)}")
    out.mkdir(parents=True, exist_ok=True)
    elf = out / f"{SKETCH.name}.elf"
    for old in (elf, elf.with_suffix(".hex")):
        old.unlink(missing_ok=True)
    core = _core(out, cores)
    sources = _gather(out / "sketch", pins)
    try:
        _compile(elf, sources, core, cores)
    except BuildError as error:
        if refused := _REFUSED.findall(error.said):
            why = "; ".join(dict.fromkeys(refused))
            raise PinTableError(f"{pins or SKETCH / 'pins.h'}: {why}") from None
        raise
    _run("avr-objcopy", "-O", "ihex", "-R", ".eeprom", str(elf), str(elf.with_suffix(".hex")))
    return elf


def _compile(elf: Path, sources: Sequence[Path], core: Path, cores: Path) -> None:
    _run(
        "avr-g++",
        *_FLAGS,
        *_DEFINES,
        *_CPP,
        "-flto",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wl,--gc-sections",
        *_includes(cores),
        "-o",
        str(elf),
        *map(str, sources),
        str(core),
    )


def _core(out: Path, cores: Path) -> Path:
    """The Arduino core as an archive."""
    archive = out / "core.a"
    if archive.exists():
        return archive
    objects = []
    folder = out / "core"
    folder.mkdir(exist_ok=True)
    for source in sorted((cores / "cores" / "arduino").iterdir()):
        if source.suffix not in (".c", ".cpp", ".S") or source.name in _LEFT_OUT:
            continue
        target = folder / f"{source.name}.o"
        cpp = source.suffix == ".cpp"
        kind = _CPP if cpp else ("-x", "assembler-with-cpp") if source.suffix == ".S" else ()
        lto = () if source.suffix == ".S" else ("-flto",)
        _run(
            "avr-g++" if cpp else "avr-gcc",
            *_FLAGS,
            *_DEFINES,
            *kind,
            *lto,
            "-w",  # not our code
            *_includes(cores),
            "-c",
            str(source),
            "-o",
            str(target),
        )
        objects.append(str(target))
    _run("avr-gcc-ar", "rcs", str(archive), *objects)
    return archive


def _gather(folder: Path, pins: Path | None) -> list[Path]:
    """Copies of the sketch's files; the sources among them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in SKETCH.iterdir():
        if file.suffix in (".h", ".cpp"):
            shutil.copyfile(file, folder / file.name)
    if pins is not None:
        shutil.copyfile(pins, folder / "pins.h")
    # What the IDE does to a sketch: it is C++ that begins with the core's header.
    sketch = SKETCH / f"{SKETCH.name}.ino"
    text = sketch.read_text(encoding="utf-8")
    (folder / f"{SKETCH.name}.cpp").write_text(
        f'#include <Arduino.h>\n#line 1 "{sketch.name}"\n{text}', encoding="utf-8"
    )
    return sorted(folder.glob("*.cpp"))


def _includes(cores: Path) -> tuple[str, str]:
    return f"-I{cores / 'cores' / 'arduino'}", f"-I{cores / 'variants' / 'standard'}"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{command[0]} failed", done.stderr.strip() or done.stdout.strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Build as the command line says; exit code 0, 2 for a bad pin table, 1 for all else."""
    parser = argparse.ArgumentParser(prog="python -m rig.firmware.build", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the ELF and hex file")
    parser.add_argument("--pins", type=Path, help="a pin table in place of the sketch's pins.h")
    parser.add_argument("--cores", type=Path, default=CORES, help="the Arduino core for AVR")
    given = parser.parse_args(arguments)
    try:
        elf = build(given.out, given.pins, given.cores)
    except PinTableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (BuildError, OSError) as error:
        said = error.said if isinstance(error, BuildError) else ""
        sys.stderr.write(f"{error}\n" + (f"{said}\n" if said else ""))
        return 1
    sys.stdout.write(f"{elf}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
