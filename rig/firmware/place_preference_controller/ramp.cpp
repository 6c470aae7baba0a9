#include "ramp.h"

const uint8_t SPARSE_FRAMES = 8;

void Ramp::begin(const ServoSettings &servo, uint16_t travel_ms) {
  servo_ = servo;
  travel_ms_ = travel_ms;
  place_ = seen_ = 0;
  direction_ = 0;
  known_ = false;
}

void Ramp::go(int8_t direction, bool at_open, bool at_closed) {
  direction_ = direction;
  if (at_open != at_closed) {
    const uint16_t end = at_open ? travel_ms_ : 0;
    const uint16_t apart = end > seen_ ? end - seen_ : seen_ - end;
    if (!known_ || apart <= travel_ms_ / 4) {
      seen_ = end;
      known_ = true;
    } else if (direction) {
      known_ = false;  // a switch that is pressed far from its end: neither is believed
    }
  }
  place_ = seen_;
  begins_ = true;
}

void Ramp::step(bool moved, bool at_open, bool at_closed) {
  if (direction_ == 0) {
    if (moved && !at_open && !at_closed) known_ = false;  // by hand, who knows where to
    return;
  }
  if (direction_ > 0 && place_ < travel_ms_) ++place_;
  if (direction_ < 0 && place_ > 0) --place_;
  if (moved) seen_ = place_;
}

uint16_t Ramp::pulse_us(uint8_t frame) {
  if (direction_ == 0) return 0;
  if (begins_) {
    begins_ = false;
    first_ = frame + 1;  // this frame's pulse may be over
  }
  if (!known_) {
    const bool pushes = uint8_t(frame - first_) % SPARSE_FRAMES == 0;
    return direction_ > 0 && pushes ? servo_.open_us : 0;
  }
  const int32_t span = int32_t(servo_.open_us) - int32_t(servo_.closed_us);
  return uint16_t(int32_t(servo_.closed_us) + span * place_ / travel_ms_);
}
