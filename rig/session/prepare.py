"""What is fixed before tick 0: the wish, completed by what only the rig can tell."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from rig import __version__, tracking
from rig.config import Strict
from rig.engine import Camera
from rig.errors import CameraError, ConfigError
from rig.model import Frame, Silence
from rig.session.clock import wall_now
from rig.session.load import LoadedBox, LoadedRig
from rig.session.opened import OpenBox, is_video_file
from rig.session.seeing import Seen, known_contrast, median
from rig.setup import Anchor, Setup, Stimulation
from rig.steps import SessionPlan, needs_board
from rig.storage.room import Going, usual_bytes_s
from rig.tracking import LiveBackground, Prepared
from rig.video import VideoFile


class Wish(Strict):
    """One session as it is asked for, before the rig's own facts are known."""

    plan: SessionPlan
    subject: str
    phase: str
    attempt: int = 1
    operator: str = ""
    arming: Literal["operator", "auto"] = "auto"
    codec: Literal["h264", "lossless"] | None = None  # None: as the rig file says
    stimulation: Stimulation = Stimulation()
    uid: str = Field(default_factory=lambda: uuid.uuid4().hex)


def going(wish: Wish, loaded: LoadedRig, box: LoadedBox, out: Path) -> Going:
    """What a session will write below `out`, before it begins: by its pictures' size and rate."""
    codec = wish.codec or loaded.rig.video.codec
    size_px, rate_hz = box.apparatus.frame_size_px, loaded.rig.camera.rate_hz
    return Going(out, 0.0, wish.plan.longest_s(), usual_bytes_s(size_px, rate_hz, codec))


def look(loaded: LoadedRig, box: OpenBox, camera: Camera) -> Seen:
    """The background of one box as its rig file wants it, found before tick 0.

    "live" takes pictures from `camera` until every place was seen free of motion, 60 s at most.
    Raises CameraError when it ends or stays silent, ConfigError for "median" without a file and
    for pictures of another size than the apparatus says.
    """
    check_size(box.loaded, camera.size_px, loaded.rig.camera.source, loaded.source)
    wanted = box.loaded.box.background
    if box.empty is not None:
        return Seen(background=box.empty, kind="picture")
    if wanted == "median" or is_video_file(loaded.rig.camera.source):
        if not is_video_file(loaded.rig.camera.source):
            message = 'background = "median" needs a video file as the camera; write "live"'
            raise ConfigError(loaded.source, f"box {box.loaded.box.name}.background", message)
        video = VideoFile.open(loaded.folder / loaded.rig.camera.source)
        return median(video, box.loaded.apparatus, box.loaded.box.crop_px)
    apparatus = box.loaded.apparatus
    live = LiveBackground(apparatus.tracking.animal, tracking.reach(apparatus))
    silent = 0
    while not live.ready:
        seen = camera.next(0.5)
        if isinstance(seen, Frame):
            silent = 0
            live.add(box.crop(seen).image, seen.t_ns)
        elif isinstance(seen, Silence) and silent < 20:
            silent += 1
        else:
            wanted = loaded.rig.camera.source
            raise CameraError(f"{loaded.source}: camera.source: {wanted!r}: gives no pictures")
    return Seen(background=live.image(), kind="live", samples=tuple(live.samples()))


def check_size(
    box: LoadedBox, size_px: tuple[int, int], source: str, rig_file: str = "rig file"
) -> None:
    """Raise ConfigError unless the picture of the camera `source` is as the apparatus says.

    A crop, which is as the apparatus says already, must lie in it.
    """
    width, height = box.apparatus.frame_size_px
    if box.box.crop_px is None:
        if tuple(size_px) != (width, height):
            raise ConfigError(
                box.apparatus_file,
                "frame_size_px",
                f"{width}x{height}, but {source} is {size_px[0]}x{size_px[1]} px",
            )
        return
    x, y, w, h = box.box.crop_px
    if x + w > size_px[0] or y + h > size_px[1]:
        message = f"{list(box.box.crop_px)} reaches out of {source}'s {size_px[0]}x{size_px[1]} px"
        raise ConfigError(rig_file, f"box {box.box.name}.crop_px", message)


def make_setup(
    wish: Wish,
    loaded: LoadedRig,
    box: OpenBox,
    seen: Seen,
    rate_hz: float,
    start_ns: int,
    unfit: Mapping[str, str] | None = None,
    unlit: Mapping[str, str] | None = None,
) -> tuple[Setup, Prepared]:
    """The session's constants and its tracker.

    `start_ns`: the frame clock now. `unfit`: motor doors that may not close on an animal, and why;
    None: none may. `unlit`: outputs that stay off, and why.
    """
    one = box.loaded
    driven = needs_board(wish.plan, one.apparatus, wish.stimulation.dry_run)
    prepared = tracking.prepare(one.apparatus, seen.background, rate_hz, seen.samples)
    setup = Setup(
        software=__version__,
        uid=wish.uid,
        subject=wish.subject,
        phase=wish.phase,
        attempt=wish.attempt,
        operator=wish.operator,
        anchor=Anchor(wall=wall_now(), t_ns=start_ns),
        rig=loaded.rig.name,
        box=one.box.name,
        camera=loaded.rig.camera.source,
        crop_px=one.box.crop_px,
        rate_hz=rate_hz,
        codec=wish.codec or loaded.rig.video.codec,
        plan=wish.plan,
        apparatus=one.apparatus,
        tracker=prepared.settings.model_dump(mode="json"),
        tracker_version=tracking.VERSION,
        background=seen.kind,
        contrast=known_contrast(prepared),
        # Where no board is asked for there is none: nothing can be switched.
        beams=tuple(one.box.beams) if driven else (),
        outputs=tuple(one.box.outputs) if driven else (),
        arming=wish.arming,
        simulated=loaded.simulated,
        unfit=None if unfit is None else dict(unfit),
        # Of outputs that the plan may switch; where it switches none nothing is kept from it.
        unlit={n: w for n, w in (unlit or {}).items() if driven} or None,
        stimulation=wish.stimulation if wish.plan.outputs else None,
    )
    return setup, prepared
