#include "filter.h"

#include <string.h>

const uint8_t SWITCH_MS = 3;
const uint8_t CLEAR_MS = 20;

void Filter::begin(const Inputs &raw) {
  settled_ = raw;
  memset(counts_, 0, sizeof counts_);
  memset(waiting_, 0, sizeof waiting_);
}

const Inputs &Filter::read(const Inputs &raw) {
  settled_.open = settle(settled_.open, raw.open, 0, SWITCH_MS, SWITCH_MS);
  settled_.closed = settle(settled_.closed, raw.closed, 1, SWITCH_MS, SWITCH_MS);
  settled_.beams = settle(settled_.beams, raw.beams, 2, 1, CLEAR_MS);
  settled_.stripes = raw.stripes;
  return settled_;
}

// Bits change after `rise` or `fall` readings in a row that differ.
uint8_t Filter::settle(uint8_t settled, uint8_t raw, uint8_t row, uint8_t rise, uint8_t fall) {
  const uint8_t differs = settled ^ raw;
  uint8_t *waiting = waiting_ + row;
  if (!differs && !*waiting) return settled;
  uint8_t *counts = counts_[row];
  *waiting = 0;
  for (uint8_t k = 0, bit = 1; k < 8; ++k, bit <<= 1) {
    if (!(differs & bit)) {
      counts[k] = 0;
    } else if (++counts[k] >= (raw & bit ? rise : fall)) {
      settled ^= bit;
      counts[k] = 0;
    } else {
      *waiting |= bit;
    }
  }
  return settled;
}
