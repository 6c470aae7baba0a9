// What the board decides: verbs, refusals, leases, permits, reversals, watchdog, ceilings.
//
// Plain C++11 without a clock, a port or a pin: once a millisecond `tick` is told the time and what
// switches and sensors say, `receive` gets the bytes from the host, and what is to be done goes out
// through `Actions`. What each verb and answer is stands in rig/hardware/simulated/board.py, which
// gives the same lines; what a door may and may not do, in docs/wiring.md.
//
//            open, home              open switch
//   c u j f -----------> O (opening) -----------> o -- close, under a permit --> C (closing) --> c
//                        ^ |                                                        |   closed switch
//                        | +--> j (jammed): stall or over time; motor off           |
//                        +----------------------------------------------------------+
//                          reversed: permit, beam, stall, time, watchdog, host
//   f (fault): opened after the third reversal, or a resting door that left its switch.
#ifndef PLACE_PREFERENCE_CONTROLLER_H
#define PLACE_PREFERENCE_CONTROLLER_H

#include <stdint.h>

#include "wire.h"

const uint8_t MAX_DOORS = 4;
const uint8_t MAX_OUTPUTS = 4;
const uint8_t MAX_BEAMS = 8;

const uint8_t PROTOCOL = 1;
const uint16_t WATCHDOG_MS = 250;
const uint8_t STALL_MS = 50;   // how long a door stands still under power before that is a stall
const uint16_t START_MS = 20;   // and how much longer at the beginning of a run
const uint8_t HOME_STALL_MS = 200;  // where a door is not known to be, its servo goes in pushes
const uint16_t LEAVE_MS = 200;  // a closing door must have left its open switch by then
const uint16_t MAX_PERMIT_MS = 500;
const uint16_t MAX_LEASE_MS = 2000;
const uint8_t MAX_REVERSALS = 3;

struct DoorSettings {
  uint16_t travel_ms;  // from end to end
  uint16_t limit_ms;   // the longest run
  uint8_t beam;        // number of its beam, 0 for none
};

struct OutputSettings {
  uint32_t continuous_ms;  // ceilings of on-time
  uint32_t total_s;
};

struct Settings {
  const char *name;
  const char *firmware;
  uint8_t doors, outputs, beams;
  const DoorSettings *door;
  const OutputSettings *output;
};

// What switches and sensors say, a bit a door or beam, number 1 in bit 0; 1 is pressed, blocked.
struct Inputs {
  uint8_t open, closed;  // limit switches
  uint8_t stripes;       // changes with every millimetre that the panel moves
  uint8_t beams;
};

// What the controller has done. Doors and outputs count from 0.
class Actions {
 public:
  virtual void send(const char *line, uint8_t n) = 0;
  // The motor towards open (1), closed (-1), or off (0).
  virtual void motor(uint8_t door, int8_t direction) = 0;
  // An output on or off; a level when `hz` is 0. Called again with another train while it is on.
  virtual void output(uint8_t number, bool on, uint8_t hz, uint32_t width_us) = 0;

 protected:
  ~Actions() {}
};

class Controller {
 public:
  Controller(const Settings &settings, Actions &actions);

  // Power-on or reset, at 0 ms: nothing moves, all is off. `cause` is a word for `hello`.
  void start(const Inputs &inputs, const char *cause);
  // Once a millisecond.
  void tick(uint32_t now_ms, const Inputs &inputs);
  // A byte from the host, at the time of the last tick.
  void receive(uint8_t byte);
  // A sync pulse begins; said at the next tick.
  void sync() { sync_ = true; }

  bool greeted() const { return greeted_; }
  char letter(uint8_t door) const { return doors_[door].letter; }

 private:
  struct Door {
    char letter;
    bool stuck;           // its open switch did not let go: it is not believed in this run
    uint8_t reversals;    // since the close that began
    uint32_t permit_ms;   // end of the permit
    uint32_t began_ms;    // of the run
    uint32_t moved_ms;    // last seen to move
    uint8_t stall_ms;     // how long it may stand still in this run
  };
  struct Output {
    bool on, limited;
    uint8_t hz;           // the train's, 0 for a level
    uint32_t width_us;
    uint32_t since_ms;
    uint32_t until_ms;    // end of the lease
    uint32_t total_ms;    // on-time since hello, without the running one
  };

  bool at_open(uint8_t door) const;
  bool at_closed(uint8_t door) const;
  bool beam_of(uint8_t door) const;
  uint32_t ceiling_ms(uint8_t output) const;
  void watch_door(uint8_t door);
  const char *hindrance(uint8_t door) const;
  bool stalled(const Door &door) const;
  bool open_stuck(uint8_t door) const;
  void rest(uint8_t door);
  void run(uint8_t door, int8_t direction, uint8_t stall_ms = STALL_MS);
  void reverse(uint8_t door, const char *cause, bool counted);
  void make_safe(const char *cause, bool counted);
  void switch_off(uint8_t output, const char *word);

  Text say(const char *word) const;
  void event(const Text &text);
  void door_event(uint8_t door, const char *word, const char *cause = "");
  void output_event(uint8_t output, const char *word);

  // These give null, or the reason why a line is refused.
  void act(char *text);
  const char *act_on(const char *verb, char **args, uint8_t n);
  const char *numbers(char **args, uint8_t n, uint8_t least, uint8_t most);
  const char *move_doors(bool open, char **args, uint8_t n);
  const char *close_door(char **args, uint8_t n);
  const char *permit(char **args, uint8_t n);
  const char *out(char **args, uint8_t n);
  const char *train(char **args, uint8_t n);
  const char *lease(uint8_t output, uint32_t ms, uint8_t hz, uint32_t width_us);
  const char *hello(char **args, uint8_t n);
  const char *state(char **args, uint8_t n);
  const char *test(char **args, uint8_t n);
  void add_beams(Text &text) const;
  Text reply(const char *words) const;
  void answer(const Text &text);

  const Settings &settings_;
  Actions &actions_;
  Receiver receiver_;
  Inputs inputs_;
  const char *cause_;
  uint32_t now_ms_;
  uint32_t heard_ms_;
  bool heard_;         // nobody is missed before the first valid line
  bool sync_;
  bool greeted_;
  uint8_t count_;      // number of the next event
  uint8_t beams_;      // as last told
  uint32_t value_[5];  // the arguments of the line that is being acted on
  const char *id_;
  bool remembered_;    // whether last_ and reply_ hold something
  char last_[MAX_TEXT + 1];
  char reply_[MAX_LINE];
  uint8_t reply_size_;
  Door doors_[MAX_DOORS];
  Output outputs_[MAX_OUTPUTS];
};

#endif
