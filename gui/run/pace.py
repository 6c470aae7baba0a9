"""How often pictures are worth their time: fewer when the window falls behind. Plain."""

LATE_S = 0.05
EARLY_S = 0.015
MOST = 8
TICKS = 10
RATES_HZ = ((1, 15.0), (4, 10.0), (8, 5.0), (1000, 2.5))
"""Pictures a second of each box, for so many boxes and fewer."""


class Pace:
    """Told when each tick of the window's clock came, which was to come every `every_s`."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last_s: float | None = None
        self._late_s: list[float] = []
        self.slower = 1

    def tick(self, now_s: float) -> bool:
        """Take one in; whether `slower` is another number now."""
        if self._last_s is not None:
            self._late_s.append(max(0.0, now_s - self._last_s - self._every_s))
        self._last_s = now_s
        if len(self._late_s) < TICKS:
            return False
        late_s, before = sum(self._late_s) / TICKS, self.slower
        self._late_s.clear()
        if late_s > LATE_S:
            self.slower = min(MOST, self.slower * 2)
        elif late_s < EARLY_S:
            self.slower = max(1, self.slower // 2)
        return self.slower != before

    def rate_hz(self, boxes: int) -> float:
        """Pictures a second of each box: few boxes smoothly, many of them calmly."""
        usual = next(rate_hz for most, rate_hz in RATES_HZ if boxes <= most)
        return usual / self.slower
