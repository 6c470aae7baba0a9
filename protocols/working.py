"""A worker: a process that scores one film after the other, and how to talk to it."""

import logging
import os
import pickle
import sys
import threading
import traceback
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from rig.errors import RigError
from rig.session.processes import end, send, start
from rig.session.row import Row
from rig.tracking.threads import use_one_thread

WORKER = "from protocols.working import main; main()"
"""Code of a process that scores films."""


class Scored(NamedTuple):
    """What came of a row: its folder and summary, or why there is none.

    `difference_s`: rescored less live, for a session. `error`: the row's own fault, or the
    world's; the others go on. `before`: it was done by an earlier run. `told`: where its detections
    come from, where that is not the pictures as always.
    """

    id: str
    folder: Path
    summary: dict[str, Any] = {}
    difference_s: dict[str, float] | None = None
    error: RigError | None = None
    before: bool = False
    told: str = ""


class Far(NamedTuple):
    """Pictures of a film that are done, and all of them."""

    task: int
    done: int
    total: int


class Task(NamedTuple):
    """The rows of one film, and its number."""

    number: int
    rows: tuple[Row, ...]
    out: Path
    workers: int | None
    threads: int | None


Told = Far | tuple[int, list[Scored]]
"""How far a film is, or what came of its rows."""


def carry_out(task: Task, told: Any) -> list[Scored]:
    """Score the rows of one film. Whatever fails is in what it gives, never raised."""
    from rig.session.rescoring import score

    ids = [row.id for row in task.rows]
    if any(row.hidden for row in task.rows):  # warnings name files
        logging.disable(logging.WARNING)
    try:
        ended = score(
            task.rows,
            task.out,
            workers=task.workers,
            threads=task.threads,
            progress=lambda done, total: told(Far(task.number, done, total)),
        )
    except RigError as error:
        return [Scored(id, task.out / id, error=error) for id in ids]
    except Exception as error:  # a fault of ours in one row; the others go on
        if not any(row.hidden for row in task.rows):
            traceback.print_exc()
        fault = RigError(f"{type(error).__name__}: {error}")
        return [Scored(id, task.out / id, error=fault) for id in ids]
    finally:
        logging.disable(logging.NOTSET)
    return [
        Scored(id, task.out / id, error=one)
        if isinstance(one, RigError)
        else Scored(id, one.folder, dict(one.summary), one.difference_s, told=one.told)
        for id, one in zip(ids, ended, strict=True)
    ]


@dataclass(eq=False)
class Worker:
    """A process that takes films from a list until none is left."""

    todo: deque[Task]
    told: SimpleQueue[Told]
    failed: dict[int, int] = field(default_factory=dict)  # how often a film took a worker along

    def __post_init__(self) -> None:
        self._closing = threading.Event()
        self._process = start(WORKER)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                task = self.todo.popleft()
            except IndexError:
                return
            try:
                self._ask(task)
            except (OSError, EOFError, pickle.UnpicklingError):
                if self._closing.is_set():
                    return
                end(self._process)
                self._process = start(WORKER)
                self.failed[task.number] = self.failed.get(task.number, 0) + 1
                if self.failed[task.number] < 2:  # once may be an accident
                    self.todo.appendleft(task)
                    continue
                fault = RigError("the process that scored it ended twice; is there memory enough?")
                ended = [Scored(row.id, task.out / row.id, error=fault) for row in task.rows]
                self.told.put((task.number, ended))

    def _ask(self, task: Task) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        send(self._process.stdin, task)
        while isinstance(told := pickle.load(self._process.stdout), Far):
            self.told.put(told)
        self.told.put(told)

    def close(self) -> None:
        """End it, whatever it does."""
        self._closing.set()
        self._process.kill()  # the thread hears that its answer will not come
        self._process.wait()
        self._thread.join()
        end(self._process)


def main() -> None:
    """The worker's own side: films in, how far they are and what came of them out."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    use_one_thread()
    try:
        while True:
            task: Task = pickle.load(sys.stdin.buffer)
            ended = carry_out(task, lambda far: send(answers, far))
            send(answers, (task.number, ended))
    except (EOFError, pickle.UnpicklingError):  # a question may be cut off in its middle
        pass
    except BrokenPipeError:
        os._exit(1)
