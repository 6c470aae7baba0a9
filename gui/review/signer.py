"""Who it is that looks, and the PIN where that person has one."""

from PyQt6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from gui.remembered import Remembered
from gui.texts import say

WHO = "reviewer"


class Signer(QWidget):
    """Name and PIN; the PIN is neither shown nor remembered."""

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self.name = QComboBox()
        self.name.setEditable(True)
        self.name.setCompleter(None)  # who types AB is not ABC
        self.name.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.name.addItems(remembered.texts(WHO))
        self.name.setAccessibleName(say("review.who"))
        self.pin_field = QLineEdit()
        self.pin_field.setEchoMode(QLineEdit.EchoMode.Password)
        self.pin_field.setPlaceholderText(say("review.pin_hint"))
        self.pin_field.setAccessibleName(say("review.pin"))
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow(say("review.who"), self.name)
        self._form.addRow(say("review.pin"), self.pin_field)

    @property
    def who(self) -> str:
        """The name; "" for none."""
        return self.name.currentText().strip()

    @property
    def pin(self) -> str:
        """The PIN as it was typed."""
        return self.pin_field.text()

    def asks_pin(self, *, on: bool) -> None:
        """Only a study knows PINs."""
        self._form.setRowVisible(self.pin_field, on)
        if not on:
            self.pin_field.clear()

    def remember(self) -> None:
        """The name is offered the next time."""
        if self.who and self.who not in self._remembered.texts(WHO):
            self._remembered.put_first(WHO, self.who)
