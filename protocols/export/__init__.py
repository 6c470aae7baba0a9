"""Sessions handed on: tidy tables, Prism, NWB, a folder to share. Remade from raw data at will."""

from protocols.export.animals import NOBODY, Subjects, read_subjects
from protocols.export.folders import export_csv, export_nwb, export_prism
from protocols.export.nwb import Lab, write_nwb
from protocols.export.share import About, export_share

__all__ = [
    "NOBODY",
    "About",
    "Lab",
    "Subjects",
    "export_csv",
    "export_nwb",
    "export_prism",
    "export_share",
    "read_subjects",
    "write_nwb",
]
