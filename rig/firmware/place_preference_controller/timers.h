// Time and servo pulses from Timer1, pulse trains from Timer2. ATmega328P at 16 MHz.
#ifndef PLACE_PREFERENCE_TIMERS_H
#define PLACE_PREFERENCE_TIMERS_H

#include <stdint.h>

// Starts Timer1; outputs and servo pins are low and driven from here on.
void begin_timers();

// Milliseconds since begin_timers.
uint32_t time_ms();
// Timer1 as it stands, in half microseconds: for what wants a number nobody can foresee.
uint16_t timer_now();

// How many frames of 20 ms have begun; wraps.
uint8_t servo_frame();
// The pulse of servo `k` (0 to 3) in the frames to come, 0 for none.
void set_servo(uint8_t k, uint16_t pulse_us);

// Output `k` (0 to 3): off, a level, or (hz 1 to 100) a train whose first pulse begins now. Edges
// lie on a grid of 2 us.
void output_off(uint8_t k);
void output_level(uint8_t k);
void output_train(uint8_t k, uint8_t hz, uint32_t width_us);

#endif
