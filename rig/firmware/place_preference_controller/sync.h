// Sync pulses at random intervals: a train that fits its own record at one place only.
#ifndef PLACE_PREFERENCE_SYNC_H
#define PLACE_PREFERENCE_SYNC_H

#include <stdint.h>

class Sync {
 public:
  Sync(uint16_t width_ms, uint16_t least_ms, uint16_t most_ms)
      : width_ms_(width_ms), least_ms_(least_ms), most_ms_(most_ms), seed_(1), next_ms_(0),
        running_(false), high_(false) {}
  // Something that nobody can foresee, such as a timer when a byte came.
  void stir(uint16_t noise) { seed_ = (seed_ ^ noise) * 1664525UL + 1013904223UL; }
  // Once a millisecond, when pulses are wanted. True when a pulse begins.
  bool step(uint32_t now_ms);
  bool high() const { return high_; }

 private:
  uint16_t width_ms_, least_ms_, most_ms_;
  uint32_t seed_;
  uint32_t next_ms_;
  bool running_, high_;
};

#endif
