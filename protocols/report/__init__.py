"""A study's report: one HTML page and the same as PDF, from one list of blocks."""

from protocols.report.build import build, report_of
from protocols.report.html import page
from protocols.report.pdf import pdf
from protocols.report.pictures import write_figures

__all__ = ["build", "page", "pdf", "report_of", "write_figures"]
