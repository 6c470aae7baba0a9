"""A whole study scored: its sessions found, measured and scored by rules that were locked."""

from protocols.scoring.rules import Rules
from protocols.scoring.scored import StudyScores, score_folder, score_study

__all__ = ["Rules", "StudyScores", "score_folder", "score_study"]
