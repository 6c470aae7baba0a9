"""A study's results: animals and scores, plots, conduct, control charts, report and exports."""

from gui.results.page import ResultsPage

__all__ = ["ResultsPage"]
