"""A camera's picture as Qt paints it: grey, or, beside an animal, in dark shades of red."""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QImage

from gui.theme import Theme

_RED = [0xFF000000 | (level // 2) << 16 for level in range(256)]


def paintable(image: NDArray[np.uint8], theme: Theme) -> QImage:
    """A grey picture (height, width) for a room of this theme, with memory of its own."""
    height, width = image.shape
    red = theme is Theme.RED
    form = QImage.Format.Format_Indexed8 if red else QImage.Format.Format_Grayscale8
    made = QImage(image.tobytes(), width, height, width, form).copy()
    if red:
        made.setColorTable(_RED)
    return made
