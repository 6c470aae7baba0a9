"""What a rescored folder says of itself, rescore.json: read and checked in one place."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rig.config import describe
from rig.errors import StorageError

FILE = "rescore.json"

Real = Annotated[float, Field(allow_inf_nan=False)]
Text = str | None


class _Loose(BaseModel):
    # Older and newer folders lack keys or have others: what is there is of the right kind.
    model_config = ConfigDict(extra="ignore", strict=True)


class _Stamp(_Loose):
    path: str = ""
    sha256: str


class _Asked(_Loose):
    videos: list[str] = []
    subject: Text = None
    phase: Text = None
    paired: Text = None
    background: Text = None
    cues: dict[str, str] = {}
    start: str = ""
    end: Text = None
    duration_s: Real | None = None
    fps: Real | None = None
    true_duration_s: Real | None = None
    crop: list[int] | None = None
    nudge: list[Real] | None = None
    amend: dict[str, Any] | None = None


class _Labels(_Loose):
    box: Text = None
    date: Text = None
    group: Text = None


class _Corrections(_Loose):
    given: list[dict[str, Any]] = []


class _Used(_Loose):
    id: str = ""
    source: str = ""
    made: str = ""
    times: str = ""
    tracker_version: str = ""
    rate_hz: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    frames_broken: int | None = None
    two_animals_s: Real = 0.0
    contrast: dict[str, Real] = {}
    camera_moved: list[dict[str, Any]] = []
    files: list[_Stamp] = []
    asked: _Asked | None = None
    labels: _Labels | None = None
    apparatus: dict[str, Any]
    detections: dict[str, Any] | None = None
    corrections: _Corrections | None = None


def read_used(folder: Path) -> dict[str, Any]:
    """The rescore.json of a folder; what stands in it is of the kind that is written there.

    Raises StorageError in one line where it is missing or damaged.
    """
    path = folder / FILE
    try:
        used = json.loads(path.read_text(encoding="utf-8"))
        _Used.model_validate(used)
    except ValidationError as error:
        key, message = describe(error)
        raise StorageError(f"{path}: {key}: {message}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from None
    return dict(used)
