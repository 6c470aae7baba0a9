#include "filter.h"

#include <string.h>

const uint8_t SWITCH_MS = 3;
const uint8_t CLEAR_MS = 20;

void Filter::begin(const Inputs &raw) {
  settled_ = raw;
  memset(counts_, 0, sizeof counts_);
}

const Inputs &Filter::read(const Inputs &raw) {
  settled_.open = settle(settled_.open, raw.open, counts_[0], SWITCH_MS, SWITCH_MS);
  settled_.closed = settle(settled_.closed, raw.closed, counts_[1], SWITCH_MS, SWITCH_MS);
  settled_.beams = settle(settled_.beams, raw.beams, counts_[2], 1, CLEAR_MS);
  settled_.stripes = raw.stripes;
  return settled_;
}

// Bits change after `rise` or `fall` readings in a row that differ.
uint8_t Filter::settle(uint8_t settled, uint8_t raw, uint8_t *counts, uint8_t rise, uint8_t fall) {
  for (uint8_t k = 0; k < 8; ++k) {
    const uint8_t bit = uint8_t(1 << k);
    if (!((settled ^ raw) & bit)) {
      counts[k] = 0;
    } else if (++counts[k] >= (raw & bit ? rise : fall)) {
      settled ^= bit;
      counts[k] = 0;
    }
  }
  return settled;
}
