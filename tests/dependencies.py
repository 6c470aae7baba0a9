"""What this project depends on, tried from scratch: pinned, at the lowest, and for known holes.

    python tests/dependencies.py pinned      constraints.txt in a new environment
    python tests/dependencies.py lowest      each dependency at the bound that pyproject.toml names
    python tests/dependencies.py audit       known vulnerabilities of what is pinned
    python tests/dependencies.py bounds      print what `lowest` would install

An environment is made in a folder that is removed afterwards. In it every module of the three
packages is imported and, with --tests PATH, tests are run. `lowest` asks for the bound itself where
it can be had, which is what a person's old environment may hold; what a dependency depends on in
turn is the installer's choice, but none above our own pin. `audit` wants pip-audit and its data
base: where either is not reached it says so and skips. Exits with 1 where something does not work.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("rig", "protocols", "gui")
EXTRAS = ("test", "dask", "postgres", "tracks", "nwb")
IMPORT_ALL = """
import importlib, os, pkgutil, sys
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
count = 0
for name in {packages!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        last = module.name.rpartition(".")[2]
        if last == "__main__" or ".migrations." in module.name:
            continue
        importlib.import_module(module.name)
        count += 1
print(count, "modules imported on Python", sys.version.split()[0])
"""


def bounds(*, extras: bool) -> list[str]:
    """Each dependency at its lower bound, as "name==version"; its extras kept."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    if extras:
        for name in EXTRAS:
            wanted += project["optional-dependencies"].get(name, [])
    found: dict[str, str] = {}
    for text in wanted:
        match = re.match(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?\s*>=\s*([^,;\s]+)", text)
        if match is None:
            raise SystemExit(f"pyproject.toml: {text!r} names no lower bound")
        found[match[1].lower()] = f"{match[1]}{match[2] or ''}=={match[3]}"
    return sorted(found.values(), key=str.lower)


def environment(folder: Path) -> Path:
    """A new virtual environment; gives its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    name = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return folder / name


def install(python: Path, *words: str) -> bool:
    """Whether pip could install it; what it said is printed where not."""
    asked = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *words]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        print("\n".join(line for line in said if not line.startswith("WARNING"))[-3000:])
    return done.returncode == 0


def works(python: Path, tests: list[str]) -> bool:
    """Whether all can be imported and the tests pass there."""
    code = IMPORT_ALL.format(packages=PACKAGES)
    ok = subprocess.run([str(python), "-W", "ignore", "-c", code], cwd=ROOT).returncode == 0
    if ok and tests:
        words = [str(python), "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests]
        ok = subprocess.run(words, cwd=ROOT).returncode == 0
    return ok


def pinned(python: Path, tests: list[str]) -> bool:
    """The pinned set."""
    return install(python, "-c", "constraints.txt", ".[test]") and works(python, tests)


def lowest(python: Path, tests: list[str]) -> bool:
    """The lowest set: told in whole where it cannot be solved."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "lowest.txt"
        file.write_text("\n".join(bounds(extras=bool(tests))) + "\n", encoding="utf-8")
        # Not above the pins: what is newer is tried by whoever moves them.
        ours = {line.partition("[")[0].partition("==")[0].lower().replace("_", "-")
                for line in file.read_text(encoding="utf-8").splitlines()}  # fmt: skip
        most = [
            line.replace("==", "<=")
            for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
            if line.partition("==")[0].lower().replace("_", "-") not in ours
        ]
        limits = Path(name) / "limits.txt"
        limits.write_text("\n".join(most) + "\n", encoding="utf-8")
        if not install(python, "-r", str(file), "-c", str(limits)):
            return False
    return install(python, "--no-deps", ".") and works(python, tests)


def audit(python: Path, tests: list[str]) -> bool:
    """Known vulnerabilities of the pins."""
    if not install(python, "pip-audit"):
        print("SKIPPED: pip-audit cannot be installed here")
        return True
    words = [str(python), "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", "constraints.txt",
             "--progress-spinner", "off"]  # fmt: skip
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print("SKIPPED: the data base of vulnerabilities does not answer")
        return True
    said = (done.stdout + done.stderr).strip()
    unreached = ("ConnectionError", "ServiceError", "Max retries", "HTTPError", "ProxyError",
                 "Could not connect", "Timeout")  # fmt: skip
    if done.returncode and "Found" not in said and any(word in said for word in unreached):
        print("SKIPPED: the data base of vulnerabilities is not reached from here")
        return True
    pins = len((ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    unknown = said.count("could not be audited")
    if unknown >= pins:
        print("SKIPPED: none of the pins is known to the data base that is reached from here")
        return True
    print("\n".join(line for line in said.splitlines() if "could not be audited" not in line))
    print(f"{pins - unknown} of {pins} pins were looked up")
    return done.returncode == 0


def main() -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("pinned", "lowest", "audit", "bounds"))
    parser.add_argument("--tests", action="append", default=[], metavar="PATH")
    options = parser.parse_args()
    if options.what == "bounds":
        print("\n".join(bounds(extras=True)))
        return 0
    tried = {"pinned": pinned, "lowest": lowest, "audit": audit}[options.what]
    with tempfile.TemporaryDirectory(prefix="placepref-env-") as folder:
        ok = tried(environment(Path(folder) / "venv"), options.tests)
    print(f"{options.what}: {'works' if ok else 'DOES NOT WORK'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
