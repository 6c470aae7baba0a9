"""The report's figures, as they were written last: a list of them, and the chosen one large."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QPainter, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QSizePolicy, QVBoxLayout, QWidget

from gui.behind import Behind
from gui.page import button, label
from gui.texts import say
from gui.theme import COLOURS, Theme
from protocols.results import Figures, Overview, figures_of

LIST_PX = 210


class FiguresView(QWidget):
    """Shows figures by what the report calls them. `wanted()`: the report is to be written."""

    wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._reading = Behind(self, newest_only=True)
        self._loading = Behind(self, newest_only=True)
        self._theme = Theme.DARK
        self._image: QImage | None = None
        self.figures: Figures | None = None
        self.said = label("", "muted", wrap=True)
        self.write = button(say("results.write_report"))
        self.write.clicked.connect(self.wanted)
        self.list = QListWidget()
        self.list.setAccessibleName(say("results.tab_figures"))
        self.list.setFixedWidth(LIST_PX)
        self.list.currentRowChanged.connect(self._load)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        ignored = QSizePolicy.Policy.Ignored  # as large as there is room, whatever its own size
        self.picture.setSizePolicy(ignored, ignored)
        self.caption = label("", "muted", wrap=True)
        above = QHBoxLayout()
        above.addWidget(self.said, 1)
        above.addWidget(self.write)
        beside = QVBoxLayout()
        beside.addWidget(self.picture, 1)
        beside.addWidget(self.caption)
        across = QHBoxLayout()
        across.addWidget(self.list)
        across.addLayout(beside, 1)
        whole = QVBoxLayout(self)
        whole.addLayout(above)
        whole.addLayout(across, 1)

    def put(self, found: Overview | None) -> None:
        """The figures of this study's report, or of none."""
        self.write.setEnabled(found is not None)
        if found is None:
            self._show(None)
            return
        self._reading.do(
            lambda: figures_of(found.folder, blinded=found.blinded),
            self._show,
            lambda _: self._show(None),
        )

    def use_theme(self, theme: Theme) -> None:
        """Beside animals nothing is white."""
        self._theme = theme
        self._paint()

    def close_down(self) -> None:
        """Threads end."""
        self._reading.close()
        self._loading.close()

    def _show(self, found: Figures | None) -> None:
        before = max(0, self.list.currentRow())
        self.figures = found
        self.list.clear()
        if found is None:
            self._image = None
            self.caption.clear()
            self._paint()
            self.said.setText(say("results.no_figures"))
            return
        self.said.setText(say("results.figures_of", when=found.written))
        self.list.addItems([one.title for one in found.ones])
        self.list.setCurrentRow(min(before, len(found.ones) - 1))

    def _load(self, row: int) -> None:
        if self.figures is None or not 0 <= row < len(self.figures.ones):
            return
        one = self.figures.ones[row]
        self.caption.setText(one.caption)
        self._loading.do(
            lambda: QImage(str(one.path)),
            self._loaded,
            lambda _: self._loaded(QImage()),
        )

    def _loaded(self, image: QImage) -> None:
        self._image = None if image.isNull() else image
        if self._image is None:
            self.caption.setText(say("results.figure_gone"))
        self._paint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        """The picture takes what room there is."""
        super().resizeEvent(event)
        self._paint()

    def _paint(self) -> None:
        if self._image is None:
            self.picture.clear()
            return
        ratio = self.picture.devicePixelRatioF()
        room = self.picture.size() * ratio
        kept, smooth = (
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        image = self._image.scaled(room.boundedTo(self._image.size()), kept, smooth)
        if self._theme is Theme.RED:
            image = _in_red(image)
        image.setDevicePixelRatio(ratio)
        self.picture.setPixmap(QPixmap.fromImage(image))


def _in_red(image: QImage) -> QImage:
    """Dark where it was white, and red alone."""
    grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
    grey.invertPixels()
    made = grey.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(made)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
    painter.fillRect(made.rect(), QColor(COLOURS[Theme.RED].text))
    painter.end()
    return made
