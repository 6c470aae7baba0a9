// What a switch or a beam says, without the chatter of its contacts.
//
// A switch counts after three equal readings, a millisecond apart. A beam is blocked at once and
// clear after twenty: whoever breaks it must not be missed.
#ifndef PLACE_PREFERENCE_FILTER_H
#define PLACE_PREFERENCE_FILTER_H

#include <stdint.h>

#include "controller.h"

class Filter {
 public:
  Filter() : settled_(), counts_(), waiting_() {}
  // The first reading counts as it is.
  void begin(const Inputs &raw);
  // Once a millisecond.
  const Inputs &read(const Inputs &raw);

 private:
  uint8_t settle(uint8_t settled, uint8_t raw, uint8_t row, uint8_t rise, uint8_t fall);

  Inputs settled_;
  uint8_t counts_[3][8];
  uint8_t waiting_[3];  // bits whose count has begun
};

#endif
