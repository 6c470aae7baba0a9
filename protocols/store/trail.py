"""Every change with who, when and why, in a chain of hashes, in the change's own transaction.

A row's hash is SHA-256, hex, of the hash before it, LF, and the row's JSON without `hash` (keys
sorted, no blanks, UTF-8); before the first row it is that of the study's uid.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, select

from protocols.store.tables import KEPT, audit, study
from rig.session.clock import wall_now


class Change:
    """One transaction's changes. Rows are put in and altered, never deleted."""

    def __init__(self, connection: Connection, person: str, reason: str = "") -> None:
        self.connection: Connection = connection
        self.person, self.reason = person, reason
        self.at = wall_now()
        last = connection.execute(
            select(audit.c.n, audit.c.hash).order_by(audit.c.n.desc()).limit(1)
        ).first()
        self._n = 0 if last is None else last.n + 1
        self._hash: str | None = None if last is None else last.hash

    def insert(self, table: Table, **values: Any) -> None:
        """Put in a row; a table's own number is counted on where it has one."""
        number = table.c.get("id")
        if number is not None and "id" not in values and number.type.python_type is int:
            newest = self.connection.execute(select(number).order_by(number.desc()).limit(1))
            values["id"] = (newest.scalar() or 0) + 1
        whole = {column.name: values.pop(column.name, None) for column in table.columns}
        if values:
            raise ValueError(f"{table.name} has no {', '.join(values)}")
        self.connection.execute(table.insert(), whole)
        self._write("insert", table.name, _key_of(table, whole), None, whole)

    def update(self, table: Table, key: Mapping[str, Any], **values: Any) -> bool:
        """Alter the row of this key; what stays as it was is not written. False where it did.

        Raises LookupError where there is no such row.
        """
        where = and_(*(table.c[name] == value for name, value in key.items()))
        found = self.connection.execute(select(table).where(where)).mappings().first()
        if found is None:
            raise LookupError(f"{table.name} {dict(key)}: no such row")
        after = {name: value for name, value in values.items() if found[name] != value}
        if not after:
            return False
        self.connection.execute(table.update().where(where).values(after))
        before = {name: found[name] for name in after}
        self._write("update", table.name, _key_of(table, found), before, after)
        return True

    def note(self, action: str, **told: Any) -> None:
        """An event that changes no table, as the opening of the key."""
        self._write(action, None, None, None, told)

    def _write(
        self,
        action: str,
        about: str | None,
        row_key: str | None,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        if self._hash is None:
            self._hash = _first(self.connection.execute(select(study.c.uid)).scalar() or "")
        row: dict[str, Any] = {
            "n": self._n,
            "at": self.at,
            "person": self.person,
            "action": action,
            "about": about,
            "row_key": row_key,
            "before": None if before is None else _json(before),
            "after": _json(after),
            "reason": self.reason or None,
        }
        row["hash"] = self._hash = _chain(self._hash, row)
        self._n += 1
        self.connection.execute(audit.insert(), row)


class Fault(NamedTuple):
    """What does not agree: a row of the trail, or a row of a table with its trail."""

    where: str
    what: str


def verify(connection: Connection) -> list[Fault]:
    """What does not agree in the trail and between it and the tables; empty where all does.

    The chain is gone through from its first row, and every table is made again from it: a row that
    was altered, added or taken away behind the program's back shows.
    """
    uid = connection.execute(select(study.c.uid)).scalar() or ""
    previous, faults = _first(uid), []
    tables: dict[str, dict[str, dict[str, Any]]] = {table.name: {} for table in KEPT}
    expected = 0
    for found in connection.execute(select(audit).order_by(audit.c.n)).mappings():
        row = {name: value for name, value in found.items() if name != "hash"}
        where = f"audit row {row['n']}"
        if row["n"] != expected:
            faults.append(Fault(where, f"rows {expected} to {row['n'] - 1} are missing"))
        if found["hash"] != _rechained(previous, row):
            faults.append(Fault(where, "its hash is not that of its text and the row before"))
        expected, previous = row["n"] + 1, found["hash"]
        if row["about"] in tables and row["action"] in ("insert", "update"):
            rows = tables[row["about"]]
            try:
                rows.setdefault(str(row["row_key"]), {}).update(json.loads(row["after"]))
            except (ValueError, TypeError, RecursionError):
                faults.append(Fault(where, f"what it put into {row['about']} cannot be read"))
    for table in KEPT:
        there = {
            _key_of(table, one): dict(one) for one in connection.execute(select(table)).mappings()
        }
        told = tables[table.name]
        for key in sorted(there.keys() | told.keys()):
            if key not in told:
                faults.append(
                    Fault(f"{table.name} {key}", "is there, but the trail put it nowhere")
                )
            elif key not in there:
                faults.append(
                    Fault(f"{table.name} {key}", "the trail put it there, and it is gone")
                )
            elif differ := [n for n, value in there[key].items() if told[key].get(n) != value]:
                what = f"{', '.join(differ)}: not as the trail left it"
                faults.append(Fault(f"{table.name} {key}", what))
    return faults


def _key_of(table: Table, row: Mapping[str, Any] | Any) -> str:
    return " ".join(str(row[column.name]) for column in table.primary_key.columns)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(
        dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _first(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()


def _rechained(previous: str, row: Mapping[str, Any]) -> str:
    """The hash that a row should have; "" for one of values that no row is written with."""
    try:
        return _chain(previous, row)
    except (ValueError, TypeError):
        return ""


def _chain(previous: str, row: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{previous}\n{_json(row)}".encode()).hexdigest()
