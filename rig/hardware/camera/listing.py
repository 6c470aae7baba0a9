"""Which cameras there are, by a stable identity, and what a source names. Opens none."""

import logging
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from os.path import isfile  # pathlib's raises for a name that no file can have
from pathlib import Path

import cv2

from rig.errors import CameraError

_log = logging.getLogger(__name__)


STREAMS = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtp", "udp", "tcp", "srt", "mms")
"""Of FFmpeg's many ways those that cameras are reached by; others read files and devices."""


class Kind(StrEnum):
    """What a source names."""

    DEVICE = "device"
    STREAM = "stream"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A connected camera. `identity` stays the same across reboots and, mostly, ports."""

    name: str
    identity: str
    address: int | str  # what OpenCV opens, today
    backend: int


@dataclass(frozen=True, slots=True)
class Target:
    """What a source leads to at this moment: address and backend for OpenCV, or a file's path."""

    kind: Kind
    address: int | str
    backend: int = cv2.CAP_ANY


def list_cameras() -> list[CameraInfo]:
    """The connected cameras, by identity; none is opened. Network streams cannot be listed."""
    if platform.system() == "Linux":
        return linux_cameras(Path("/dev"), Path("/sys/class/video4linux"))
    return _enumerated_cameras()


def resolve(source: str, cameras: Sequence[CameraInfo] | None = None) -> Target:
    """What `source` leads to now: an identity, device path, URL, video file or bare index.

    Args:
        source: as in the rig file. A bare index is taken with a warning: it names another camera
            as soon as one is plugged in.
        cameras: the connected ones; None looks.

    Raises:
        CameraError: nothing is connected or found by that name.
    """
    if "://" in source:
        if source.startswith("file:"):
            raise CameraError(f"camera {source!r}: give a file's path, not a file: address")
        if source.partition("://")[0].lower() not in STREAMS:
            ways = ", ".join(STREAMS)
            raise CameraError(f"camera {source!r}: no camera's address; there are {ways}")
        return Target(Kind.STREAM, source, cv2.CAP_FFMPEG)
    if source.isdigit():
        _log.warning(
            "camera %s: a bare index may be another camera tomorrow; use an identity", source
        )
        return Target(Kind.DEVICE, int(source), device_backend())
    found = list_cameras() if cameras is None else cameras
    for info in found:
        if source == info.identity:
            return Target(Kind.DEVICE, info.address, info.backend)
    if source.startswith("/dev/"):
        return Target(Kind.DEVICE, source, device_backend())
    if isfile(source):
        return Target(Kind.FILE, source)
    known = ", ".join(info.identity for info in found) or "none"
    raise CameraError(f"no camera or video file {source!r}; connected cameras: {known}")


def device_backend() -> int:
    """OpenCV's way to cameras on this system."""
    if platform.system() == "Linux":
        return cv2.CAP_V4L2
    return cv2.CAP_DSHOW if platform.system() == "Windows" else cv2.CAP_AVFOUNDATION


def linux_cameras(dev: Path, classes: Path) -> list[CameraInfo]:
    """Cameras from udev's links: by serial number where there is one, else by port."""
    links: dict[str, str] = {}
    for folder in ("by-path", "by-id"):  # by-id last: it is the better name
        for link in sorted((dev / "v4l" / folder).glob("*-video-index0")):
            links[link.resolve().name] = link.name.removesuffix("-video-index0")
    cameras = []
    for node in sorted(classes.glob("video*"), key=lambda node: int(node.name[5:])):
        if _text(node / "index") in ("", "0"):  # further indices are the same camera's metadata
            address = str(dev / node.name)
            identity = links.get(node.name, address)
            cameras.append(
                CameraInfo(_text(node / "name") or node.name, identity, address, cv2.CAP_V4L2)
            )
    return cameras


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _enumerated_cameras() -> list[CameraInfo]:
    """Cameras of Windows and macOS, through a small package that asks the system."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras
    except ImportError as error:
        _log.warning("cameras cannot be listed (%s); install cv2-enumerate-cameras", error)
        return []
    backend = device_backend()
    return [
        CameraInfo(found.name, _identity(found.vid, found.pid, found.path), found.index, backend)
        for found in enumerate_cameras(backend)
    ]


def _identity(vid: int | None, pid: int | None, path: str | None) -> str:
    r"""A name made of vendor, product and the system's own instance of the device.

    Windows: `\\?\usb#vid_046d&pid_082d&mi_00#6&2A3B&0&0000#{...}` -> `usb-046d_082d_6-2a3b-0-0000`.
    """
    parts = (path or "").split("#")
    instance = parts[2] if len(parts) > 2 else parts[0]
    instance = re.sub(r"[^0-9a-z]+", "-", instance.lower()).strip("-")
    if vid is None or pid is None:
        return f"camera-{instance}"
    return f"usb-{vid:04x}_{pid:04x}_{instance}"
