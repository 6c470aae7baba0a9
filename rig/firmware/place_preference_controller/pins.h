// The pin table: what is connected to what, and what each door and output may do.
//
// An ATmega328P (Uno, Nano; 16 MHz) has too few pins for four doors with two switches and a stripe
// sensor each and eight beams, so these come in through three 74HC165 on three pins. Edit the
// table for your apparatus, not the code; what cannot be is refused when it is compiled.
//
//   D0 D1          serial line to the computer, 115200 baud
//   D2 D3 D12      74HC165: load (active low), clock, data (from the chip nearest the board)
//   D4 D5 D6 D7    outputs 1 to 4, 10 kOhm to ground each, so that they are low through reset
//   D8 D9 D10 D11  servos of doors 1 to 4
//   A0             sync
//
// The chips, the one nearest the board first; of each, inputs D7 first to D0 last:
//   chip 1   doors 4 to 1, closed switch, then doors 4 to 1, open switch; 0 is pressed
//   chip 2   four inputs that are not used, then doors 4 to 1, stripe sensor
//   chip 3   beams 8 to 1; 1 is blocked
// All of them have 10 kOhm to 5 V, as the data pin has: with a cable out, switches are not pressed
// and beams are blocked, and no door closes.
#ifndef PLACE_PREFERENCE_PINS_H
#define PLACE_PREFERENCE_PINS_H

#include "controller.h"
#include "ramp.h"

// What the board says in `hello`: at most 16 characters without blanks. Boards on one computer
// have different names.
#define BOARD_NAME "board-1"

// How many there are; at most 4, 4, 8. A door that is not connected is harmless: it is "unknown".
#define DOORS 4
#define OUTPUTS 4
#define BEAMS 8

// A row a door: time from end to end (ms), longest run (ms), its beam (0: none).
constexpr DoorSettings DOOR_TABLE[4] = {
    {1000, 1500, 1},
    {1000, 1500, 2},
    {1000, 1500, 3},
    {1000, 1500, 4},
};

// A row a servo: pulse when closed and when open (us), and the stroke of the panel (mm).
constexpr ServoSettings SERVO_TABLE[4] = {
    {1000, 2000, 50},
    {1000, 2000, 50},
    {1000, 2000, 50},
    {1000, 2000, 50},
};

// A row an output: longest time on without a break (ms), and in all since `hello` (s).
constexpr OutputSettings OUTPUT_TABLE[4] = {
    {600000, 7200},
    {600000, 7200},
    {600000, 7200},
    {600000, 7200},
};

// Sync pulses: their length, and from one to the next, evenly between these (ms).
#define SYNC_WIDTH_MS 20
#define SYNC_LEAST_MS 4000
#define SYNC_MOST_MS 12000

#endif
