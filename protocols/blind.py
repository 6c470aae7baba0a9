"""A blind set: rows under random codes, and nothing written that tells which is which.

`codes.json` knows a row again by a hash; `key.jsonl` says what each code stands for, and is only
added to until the set is closed. `close` takes the hash of all results first, then joins.
"""

import csv
import hashlib
import io
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rig.apparatus import from_table
from rig.config import Strict, parse_json
from rig.config import check as check_json
from rig.errors import ConfigError, RigError, StorageError
from rig.session.clock import wall_now
from rig.session.rescoring import paired_chamber, roles_of
from rig.session.row import Row
from rig.session.used import read_used
from rig.storage import LOCK, read_summary
from rig.storage.folder import open_private
from rig.storage.folder import replace as write

CODES, KEY, CLOSED, JOINED, SUMS = (
    "codes.json", "key.jsonl", "closed.json", "unblinded.csv", "SHA256SUMS"
)  # fmt: skip
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
"""No vowels, so that no code is a word; nothing that looks like something else."""
_LENGTH = 6
LABELS = ("subject", "phase", "date", "group", "paired")


_CODE = f"[{_LETTERS}]{{{_LENGTH}}}"
Code = Annotated[str, Field(pattern=f"^{_CODE}$")]


class _Codes(Strict):
    salt: str = Field(pattern="^[0-9a-f]+$")
    codes: dict[str, Code]


class _Behind(Strict):
    code: Code
    id: str
    subject: str | None
    phase: str | None
    date: str | None
    group: str | None
    paired: str | None
    box: str | None
    cues: dict[str, str]
    files: list[str]


class Hidden:
    """What stands behind the codes, as long as a command runs: to keep it out of its words."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._words: list[str] = []
        for row in rows.values():
            more = (row.amend.corrections, row.amend.tracks, row.again)
            for path in (*row.files, *(path for path in more if path is not None)):
                self._words += [str(path.absolute()), str(path), path.name, path.stem]
            self._words += [row.id, *(str(getattr(row, key) or "") for key in LABELS)]
        self._words = sorted({word for word in self._words if word}, key=len, reverse=True)

    def out_of(self, text: str) -> str:
        """`text` without any of it."""
        for word in self._words:
            text = re.sub(rf"(?<![\w]){re.escape(word)}(?![\w])", "(hidden)", text)
        return text

    def fault(self, error: RigError) -> RigError:
        """The same of an error."""
        kind = StorageError if isinstance(error, StorageError) else RigError
        return kind(self.out_of(str(error)))


def check(out: Path, *, blind: bool) -> None:
    """Raise ConfigError where `out` is closed, or is blind and this run is not, or the reverse."""
    if (out / CLOSED).exists():
        raise ConfigError("--out", "", f"{out} is a blind set that was closed; give a new --out")
    if not blind and (out / CODES).exists():
        raise ConfigError("--out", "", f"{out} is a blind set: give --blind, or close it first")
    others = out.exists() and any(path.name != LOCK for path in out.iterdir())
    if blind and not (out / CODES).exists() and others:
        raise ConfigError(
            "--blind", "", f"{out} holds results that are not blind; give a new --out"
        )


def hide(rows: Sequence[Row], out: Path) -> tuple[list[Row], Hidden]:
    """The rows under their codes, in the order of these, and what has to be kept out of words.

    A row that `out` knows has the code that it had; others get one from the system's dice, and
    a line in the key file. Raises ConfigError for a pairing that would not be usable at the end.
    """
    for row in rows:
        if row.apparatus is not None:
            roles_of(row.apparatus, paired_chamber(row, row.apparatus))
    known = _known(out / CODES)
    codes: dict[str, str] = known["codes"]
    coded: dict[str, Row] = {}
    lines = []
    for row in rows:
        mark = _mark(row, known["salt"])
        if mark not in codes:
            codes[mark] = draw_code(set(codes.values()))
            lines.append(json.dumps(_behind(codes[mark], row)) + "\n")
        coded[codes[mark]] = row
    out.mkdir(parents=True, exist_ok=True)
    try:  # the key first: a code without its line could never be joined
        with open(out / KEY, "a", encoding="utf-8", opener=open_private) as key:
            key.writelines(lines)
    except OSError as error:
        raise StorageError(f"{out / KEY} cannot be written: {error.strerror}") from error
    known["codes"] = dict(sorted(codes.items()))
    write(out / CODES, (json.dumps(known, indent=1) + "\n").encode())
    bare: dict[str, Any] = dict.fromkeys(("subject", "phase", "date", "group", "box"), "")
    bare |= {"paired": None, "cues": {}, "hidden": True}
    hidden = [replace(coded[code], id=code, **bare) for code in sorted(coded)]
    return hidden, Hidden(coded)


def _known(path: Path) -> dict[str, Any]:
    """The salt, and the codes by the marks of their rows, as codes.json has them. ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {"salt": secrets.token_hex(16), "codes": {}}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    return check_json(parse_json(text, str(path)), _Codes, str(path)).model_dump()


def _key(path: Path) -> dict[str, Mapping[str, Any]]:
    """What stands behind each code, as key.jsonl says. Raises ConfigError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    found: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        where = f"{path}: line {number}"
        one = check_json(parse_json(line, where), _Behind, where)
        found[one.code] = one.model_dump()
        try:
            json.dumps(found[one.code], ensure_ascii=False).encode()
        except UnicodeEncodeError:  # JSON has escapes for what no file can hold
            raise ConfigError(where, "", "holds what is no text") from None
    return found


def _mark(row: Row, salt: str) -> str:
    told = [salt, *(str(path.absolute()) for path in row.files), str(row.crop), row.box, row.id]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def draw_code(taken: set[str]) -> str:
    """A code that is none of `taken`, from the system's dice."""
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        if code not in taken:
            return code


def _behind(code: str, row: Row) -> dict[str, Any]:
    labels = {key: getattr(row, key) for key in (*LABELS, "box")}
    files = [str(path.absolute()) for path in row.files]
    return {"code": code, "id": row.id, **labels, "cues": dict(row.cues), "files": files}


def close(out: Path) -> tuple[str, int]:
    """Close a blind set: the hash of all its results, then what each code stands for, joined.

    Writes SHA256SUMS, closed.json and unblinded.csv. Gives the hash and the rows' number. Raises
    ConfigError for what is no blind set or is closed already.
    """
    if (out / CLOSED).exists():
        raise ConfigError("--close-blind", "", f"{out} is closed already")
    if not (out / CODES).exists() or not (out / KEY).exists():
        raise ConfigError("--close-blind", "", f"{out} is no blind set")
    rows = read_summary(out)
    if not rows:
        raise ConfigError("--close-blind", "", f"{out} holds no scored row yet")
    for row in rows:  # each names a folder
        code = row.get("id") or ""
        if not re.fullmatch(_CODE, code) or not (out / code).is_dir():
            message = f"{code!r}: is no code of a scored row"
            raise ConfigError(str(out / "summary.csv"), "id", message)
    # Later another version may be looked at; what was there before the key was read is fixed.
    files = sorted(path for row in rows for path in (out / row["id"]).iterdir())
    text = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}\n"
        for path in [*files, out / "summary.csv"]
    )
    total = hashlib.sha256(text.encode()).hexdigest()
    write(out / SUMS, text.encode())
    key = _key(out / KEY)
    joined = [_joined(row, key, out) for row in rows]
    columns = list(dict.fromkeys(name for row in joined for name in row))
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(joined, key=lambda row: row["id"]))
    write(out / JOINED, table.getvalue().encode())
    closed = {"sha256": total, "rows": len(rows), "closed": wall_now()}
    write(out / CLOSED, (json.dumps(closed, indent=1) + "\n").encode())
    return total, len(rows)


def _joined(
    row: Mapping[str, str], key: Mapping[str, Mapping[str, Any]], out: Path
) -> dict[str, str]:
    code = row["id"]
    behind = key.get(code)
    if behind is None:
        raise ConfigError(str(out / KEY), "", f"does not say what {code} stands for")
    used = read_used(out / code)
    apparatus = from_table(used["apparatus"], str(out / code))
    wanted = Row((), paired=behind["paired"], cues=behind["cues"])
    roles = roles_of(apparatus, paired_chamber(wanted, apparatus)) or {}
    joined = {"code": code, **row, "id": behind["id"]}
    joined |= {name: behind[name] or "" for name in ("subject", "phase", "date", "group")}
    for role in dict.fromkeys(roles.values()):
        try:
            times = [float(row[f"time_{name}_s"]) for name, part in roles.items() if part == role]
        except (KeyError, ValueError) as error:
            where = str(out / "summary.csv")
            raise ConfigError(where, code, f"its times cannot be read: {error}") from None
        joined[f"time_{role}_s"] = f"{sum(times):.9g}"
    return joined
