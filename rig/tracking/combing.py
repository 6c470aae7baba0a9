"""Whether pictures were woven of two fields taken at different times. Pure.

Of something that moved, every second line of such a picture shows an earlier place: its edges are
combs. A file may say so, or not: a recorder often codes woven pictures as if they were whole.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

MOVED = 30
"""Grey levels by which a place differs between two pictures where something moved."""
TEETH = 0.35
"""Share of the edges between lines that are teeth of a comb; noise and stripes make fewer."""
LEAST_EDGES = 60
"""In both pictures together; fewer tell nothing."""
PICTURES = 5
"""An animal rests: woven are pictures of which so many show combs."""


def combed(stack: NDArray[np.uint8]) -> bool:
    """Whether pictures (n, height, width) of one place at different times show combs."""
    showing = 0
    for one, other in pairwise(stack):
        moved = cv2.absdiff(one, other) > MOVED
        edges = moved[:-1] != moved[1:]
        # a line that differs from both its neighbours, and so does the next: no thin thing does
        teeth = edges[:-2] & edges[1:-1] & edges[2:]
        n = int(np.count_nonzero(edges))
        if n >= LEAST_EDGES and np.count_nonzero(teeth) >= TEETH * n:
            showing += 1
    return showing >= PICTURES
