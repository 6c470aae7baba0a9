"""Sessions handed on: tidy tables, Prism, NWB. All remade from raw data at will."""

from protocols.export.animals import NOBODY, Subjects, read_subjects
from protocols.export.folders import export_csv, export_nwb, export_prism
from protocols.export.nwb import Lab, write_nwb

__all__ = [
    "NOBODY",
    "Lab",
    "Subjects",
    "export_csv",
    "export_nwb",
    "export_prism",
    "read_subjects",
    "write_nwb",
]
