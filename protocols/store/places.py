"""Where a study's live database may lie: on a local disk, never on a share or in a synced folder.

SQLite's write-ahead log needs memory that all its users share, and a folder that is copied while
it is written is torn.
"""

import json
import os
import platform
import re
from pathlib import Path

import platformdirs
import psutil

from rig.errors import ConfigError
from rig.storage.folder import make_private, replace

DATA_VARIABLE = "PLACEPREF_DATA"
POINTER = "database.local"
_OURS = re.compile(r"[0-9a-f]{16}\.sqlite")
_SHARES = {
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs",
    "fuse.sshfs", "sshfs", "fuse.davfs", "fuse.davfs2", "fuse.rclone", "fuse.gvfsd-fuse",
    "fuse.s3fs", "macfuse", "osxfuse", "ceph", "fuse.ceph", "glusterfs", "fuse.glusterfs",
    "9p", "afs", "lustre",
}  # fmt: skip
_SYNCED = {
    "onedrive": "OneDrive",
    "dropbox": "Dropbox",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "my drive": "Google Drive",
    "icloud drive": "iCloud",
    "iclouddrive": "iCloud",
    "mobile documents": "iCloud",
    "cloudstorage": "a cloud's folder",
    "nextcloud": "Nextcloud",
    "owncloud": "ownCloud",
}
_MARKS = {".dropbox": "Dropbox", ".stfolder": "Syncthing"}


def shared(folder: Path) -> str:
    """What kind of share or synchronised folder `folder` lies in, in a word; "" for a local disk.

    The folder need not be there yet.
    """
    whole = Path(os.path.abspath(folder))
    real = folder.resolve()
    for path in (whole, real):
        for part in path.parts:
            name = part.casefold()
            for mark, cloud in _SYNCED.items():
                # "OneDrive - University", "Dropbox (Lab)", "GoogleDrive-ann@lab"
                if name == mark or name.startswith((f"{mark} ", f"{mark}-")):
                    return cloud
    for parent in (real, *real.parents):
        for mark, cloud in _MARKS.items():
            if (parent / mark).exists():
                return cloud
    if str(real).startswith("\\\\"):
        return "a network share"
    return _mounted(real)


def _mounted(real: Path) -> str:
    """The file system's name where it is a share's."""
    best, kind = -1, ""
    for part in psutil.disk_partitions(all=True):
        mount = Path(part.mountpoint)
        if real.is_relative_to(mount) and len(mount.parts) >= best:
            remote = "remote" in part.opts.split(",")
            best = len(mount.parts)
            kind = part.fstype.casefold() if not remote else "a network share"
    return kind if kind in _SHARES or kind == "a network share" else ""


def live_path(uid: str) -> Path:
    """Where this computer keeps the live database of a study on a share; its folder is made.

    The environment variable PLACEPREF_DATA names another folder of data.
    """
    named = os.environ.get(DATA_VARIABLE)
    base = Path(named) if named else platformdirs.user_data_path("placepref")
    path = base / "studies" / f"{uid}.sqlite"
    make_private(path.parent)
    return path


def point_to(folder: Path, path: Path) -> None:
    """Tell in a study's folder where its live database is."""
    told = {"computer": platform.node(), "path": str(path.absolute())}
    replace(folder / POINTER, (json.dumps(told, indent=1) + "\n").encode())


def keep_local(folder: Path, uid: str) -> Path:
    """Where this computer keeps the live database of a study on a share; told in its folder."""
    path = live_path(uid)
    point_to(folder, path)
    return path


def local_of(folder: Path) -> Path | None:
    """The live database that a study on a share has here; None where it has none anywhere.

    Raises ConfigError where it is on another computer.
    """
    try:
        told = json.loads((folder / POINTER).read_text(encoding="utf-8"))
        computer, path = str(told["computer"]), Path(told["path"])
        # Whoever hands on a folder could else have any file taken for its database, and replaced.
        if not _OURS.fullmatch(path.name) or path.parent.name != "studies":
            raise ValueError(f"{path} is no place where a live database is kept")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise ConfigError(str(folder / POINTER), "", f"is damaged: {error}") from None
    if computer != platform.node():
        message = (
            f"its live database is on the computer {computer}: run the study there; for several "
            'rigs begin it with database = "postgresql://..." in the rules'
        )
        raise ConfigError(str(folder), "", message)
    return path
