// Where a servo is told to be: the pulse grows or shrinks evenly with time and never jumps.
//
// A hobby servo runs to a new pulse as fast as it can. So the pulse begins where the panel is
// believed to be and goes on at the pin table's speed. Without pulses a servo is limp and its gear
// holds the panel.
#ifndef PLACE_PREFERENCE_RAMP_H
#define PLACE_PREFERENCE_RAMP_H

#include <stdint.h>

struct ServoSettings {
  uint16_t closed_us;  // pulse at either end
  uint16_t open_us;
  uint8_t stroke_mm;   // how far the panel moves
};

class Ramp {
 public:
  Ramp() : travel_ms_(1), place_(0), seen_(0), direction_(0), known_(false), begins_(false), first_(0), servo_() {}
  void begin(const ServoSettings &servo, uint16_t travel_ms);

  // Go towards open (1), closed (-1), or give no pulses (0). What is known of the place is what
  // a switch says, else where the stripe sensor last saw the panel move.
  void go(int8_t direction, bool at_open, bool at_closed);
  // Once a millisecond: `moved` when the stripe sensor changed.
  void step(bool moved, bool at_open, bool at_closed);

  // The pulse of frame `frame` of 20 ms, 0 for none. Where the place is not known, one frame of
  // eight has a pulse, for the open end: the servo goes there in short pushes, each of 25 ms at
  // most, instead of a jump.
  uint16_t pulse_us(uint8_t frame);

 private:
  uint16_t travel_ms_;
  uint16_t place_;   // in ms of travel: 0 closed, travel_ms_ open
  uint16_t seen_;    // the place when the panel was last seen to move
  int8_t direction_;
  bool known_;
  bool begins_;      // no pulse was asked for since `go`
  uint8_t first_;    // frame of the first
  ServoSettings servo_;
};

#endif
