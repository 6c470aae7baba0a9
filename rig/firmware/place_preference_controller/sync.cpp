#include "sync.h"

bool Sync::step(uint32_t now_ms) {
  if (running_ && int32_t(now_ms - next_ms_) < 0) return false;
  const bool begins = running_ && !high_;
  if (begins) {
    next_ms_ = now_ms + width_ms_;
  } else {
    stir(uint16_t(now_ms));
    const uint32_t spread = uint32_t(most_ms_ - least_ms_) + 1;
    next_ms_ = now_ms + least_ms_ + (seed_ >> 8) % spread - (running_ ? width_ms_ : 0);
  }
  running_ = true;
  high_ = begins;
  return begins;
}
