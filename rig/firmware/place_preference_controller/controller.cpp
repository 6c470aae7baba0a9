#include "controller.h"

#include <string.h>

static const char *const OUT_OF_RANGE = "out-of-range";
static const char *const MISSING = "missing-argument";
static const char *const EXTRA = "extra-argument";
static const char *const BAD = "bad-argument";

// The bit of number `k`; the core shifts by one place an instruction, so that this is a table.
static inline uint8_t bit(uint8_t k) {
  static const uint8_t bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  return bits[k];
}

// Whether `now` has reached `then`; both wrap after 49 days.
static bool reached(uint32_t now, uint32_t then) { return int32_t(now - then) >= 0; }

Controller::Controller(const Settings &settings, Actions &actions)
    : settings_(settings), actions_(actions), inputs_(), cause_("power"), now_ms_(0), heard_ms_(0),
      heard_(false), sync_(false), greeted_(false), count_(0), beams_(0), id_(""),
      remembered_(false), reply_size_(0), doors_(), outputs_() {}

void Controller::start(const Inputs &inputs, const char *cause) {
  receiver_ = Receiver();
  inputs_ = inputs;
  cause_ = cause;
  now_ms_ = 0;
  heard_ = sync_ = greeted_ = remembered_ = false;
  count_ = 0;
  beams_ = inputs.beams;
  memset(outputs_, 0, sizeof outputs_);
  for (uint8_t k = 0; k < settings_.outputs; ++k) actions_.output(k, false, 0, 0);
  for (uint8_t k = 0; k < settings_.doors; ++k) {
    doors_[k].reversals = 0;
    rest(k);
  }
  event(say("reset"));
}

void Controller::tick(uint32_t now_ms, const Inputs &inputs) {
  const uint8_t moved = inputs.stripes ^ inputs_.stripes;
  inputs_ = inputs;
  now_ms_ = now_ms;
  for (uint8_t k = 0; moved && k < settings_.doors; ++k) {
    if ((moved & bit(k)) && reached(now_ms, doors_[k].moved_ms)) doors_[k].moved_ms = now_ms;
  }
  if (sync_) {
    sync_ = false;
    event(say("sync"));
  }
  for (uint8_t k = 0; inputs.beams != beams_ && k < settings_.beams; ++k) {
    if ((inputs.beams ^ beams_) & bit(k)) {
      beams_ ^= bit(k);
      event(say("beam ").add(uint32_t(k + 1)).add(beams_ & bit(k) ? " blocked" : " clear"));
    }
  }
  if (heard_ && reached(now_ms, heard_ms_ + WATCHDOG_MS)) {
    heard_ = false;
    event(say("watchdog"));
    make_safe("watchdog", true);
  }
  for (uint8_t k = 0; k < settings_.outputs; ++k) {
    Output &output = outputs_[k];
    if (!output.on) continue;
    const uint32_t ceiling = ceiling_ms(k);
    if (reached(now_ms, ceiling) || reached(now_ms, output.until_ms)) {
      output.limited = reached(output.until_ms, ceiling);
      switch_off(k, output.limited ? "limit" : "off");
    }
  }
  for (uint8_t k = 0; k < settings_.doors; ++k) watch_door(k);
}

// Doors.

// Both switches at once say nothing: one of them is stuck.
bool Controller::at_open(uint8_t k) const { return inputs_.open & ~inputs_.closed & bit(k); }
bool Controller::at_closed(uint8_t k) const { return inputs_.closed & ~inputs_.open & bit(k); }

bool Controller::beam_of(uint8_t k) const {
  const uint8_t beam = settings_.door[k].beam;
  return beam && (beams_ & bit(beam - 1));
}

bool Controller::stalled(const Door &door) const {
  return reached(now_ms_, door.moved_ms + door.stall_ms);
}

void Controller::watch_door(uint8_t k) {
  Door &door = doors_[k];
  switch (door.letter) {
    case 'C':
      if (at_closed(k)) {
        rest(k);
        door.reversals = 0;
        door_event(k, "closed");
      } else if (const char *cause = hindrance(k)) {
        const bool stuck = open_stuck(k);
        reverse(k, cause, true);
        door.stuck = stuck;
      }
      return;
    case 'O':
      if (at_open(k) && !door.stuck) {
        rest(k);
        door_event(k, "open");
        if (door.reversals >= MAX_REVERSALS) {
          door.letter = 'f';
          door_event(k, "fault");
        }
      } else if (stalled(door) || reached(now_ms_, door.began_ms + settings_.door[k].limit_ms)) {
        actions_.motor(k, 0);
        door.letter = 'j';
        door_event(k, "jammed");
      }
      return;
    case 'o':
    case 'c':
      if (door.letter == 'o' ? !at_open(k) : !at_closed(k)) {
        door.letter = 'f';
        door_event(k, "fault");
      }
      return;
    case 'u':
      if (at_open(k) || at_closed(k)) {
        rest(k);
        door_event(k, door.letter == 'o' ? "open" : "closed");
      }
      return;
    default:  // jammed and fault wait for the host
      return;
  }
}

// Whether a closing door should have left its open switch and has not, by what that says.
bool Controller::open_stuck(uint8_t k) const {
  return (inputs_.open & bit(k)) && reached(now_ms_, doors_[k].began_ms + LEAVE_MS);
}

// Why a closing door must not go on; null when it may.
const char *Controller::hindrance(uint8_t k) const {
  const Door &door = doors_[k];
  if (beam_of(k)) return "beam";
  if (stalled(door)) return "stall";
  if (open_stuck(k)) return "stall";
  if (reached(now_ms_, door.permit_ms)) return "permit";
  if (reached(now_ms_, door.began_ms + settings_.door[k].limit_ms)) return "time";
  return 0;
}

// Motor off; the state is what the switches say.
void Controller::rest(uint8_t k) {
  actions_.motor(k, 0);
  doors_[k].letter = at_open(k) ? 'o' : at_closed(k) ? 'c' : 'u';
}

void Controller::run(uint8_t k, int8_t direction, uint8_t stall_ms) {
  Door &door = doors_[k];
  door.letter = direction > 0 ? 'O' : 'C';
  door.stuck = false;
  door.began_ms = now_ms_;
  door.moved_ms = now_ms_ + START_MS;
  door.stall_ms = stall_ms;
  actions_.motor(k, direction);
}

void Controller::reverse(uint8_t k, const char *cause, bool counted) {
  if (counted) ++doors_[k].reversals;
  run(k, 1);
  door_event(k, "reversed ", cause);
}

void Controller::make_safe(const char *cause, bool counted) {
  for (uint8_t k = 0; k < settings_.doors; ++k) {
    if (doors_[k].letter == 'C') reverse(k, cause, counted);
  }
  for (uint8_t k = 0; k < settings_.outputs; ++k) {
    if (outputs_[k].on) switch_off(k, "off");
  }
}

// Outputs.

// When the running on-time reaches a ceiling.
uint32_t Controller::ceiling_ms(uint8_t k) const {
  const Output &output = outputs_[k];
  const uint32_t left = settings_.output[k].total_s * 1000 - output.total_ms;
  const uint32_t continuous = settings_.output[k].continuous_ms;
  return output.since_ms + (left < continuous ? left : continuous);
}

void Controller::switch_off(uint8_t k, const char *word) {
  Output &output = outputs_[k];
  output.on = false;
  output.total_ms += now_ms_ - output.since_ms;
  actions_.output(k, false, 0, 0);
  output_event(k, word);
}

// Lines to the host: events.

// The beginning of an event; `event` numbers and sends it.
Text Controller::say(const char *word) const {
  return Text().add("! ").add(uint32_t(count_)).add(' ').add(now_ms_).add(' ').add(word);
}

void Controller::event(const Text &text) {
  char line[MAX_LINE];
  actions_.send(line, text.frame(line));
  ++count_;
}

void Controller::door_event(uint8_t k, const char *word, const char *cause) {
  event(say("door ").add(uint32_t(k + 1)).add(' ').add(word).add(cause));
}

void Controller::output_event(uint8_t k, const char *word) {
  event(say("out ").add(uint32_t(k + 1)).add(' ').add(word));
}

// Lines from the host. An answer goes first, then the events of what was done: so every verb
// checks all before it answers, and does nothing before.

void Controller::receive(uint8_t byte) {
  char *text = receiver_.feed(byte);
  if (text) act(text);
}

void Controller::act(char *text) {
  const uint8_t size = uint8_t(strlen(text));
  char *rest = strchr(text, ' ');
  uint32_t id = 0;
  if (!rest || rest - text > 3 || !rest[1]) {
    receiver_.count_bad(size + 4);  // its sender cannot be answered
    return;
  }
  *rest = 0;
  if (!read_number(text, &id) || id > 255) {
    receiver_.count_bad(size + 4);
    return;
  }
  *rest = ' ';
  heard_ = true;
  heard_ms_ = now_ms_;
  if (remembered_ && strcmp(last_, text) == 0) {
    actions_.send(reply_, reply_size_);
    return;
  }
  memcpy(last_, text, size + 1);
  remembered_ = true;

  *rest = 0;
  id_ = text;
  char *verb = rest + 1;
  char *args[7];  // one more than any verb takes; what follows is too much anyway
  uint8_t n = 0;
  for (char *at = verb; n < 7 && (at = strchr(at, ' ')) != 0;) {
    *at++ = 0;
    args[n++] = at;
  }
  const char *reason = act_on(verb, args, n);
  if (reason) answer(reply("no ").add(reason));
}

// Carries out a line: null, or the reason of a refusal, with nothing done.
const char *Controller::act_on(const char *verb, char **args, uint8_t n) {
  if (!strcmp(verb, "beat")) {
    if (const char *reason = numbers(args, n, 0, 0)) return reason;
    // The next event's number: the host sees by it that the newest event was lost.
    answer(reply("ok ").add(uint32_t(count_)));
    return 0;
  }
  if (!strcmp(verb, "permit")) return permit(args, n);
  if (!strcmp(verb, "out")) return out(args, n);
  if (!strcmp(verb, "train")) return train(args, n);
  if (!strcmp(verb, "close")) return close_door(args, n);
  if (!strcmp(verb, "open") || !strcmp(verb, "home")) return move_doors(true, args, n);
  if (!strcmp(verb, "stop")) return move_doors(false, args, n);
  if (!strcmp(verb, "state")) return state(args, n);
  if (!strcmp(verb, "test")) return test(args, n);
  if (!strcmp(verb, "hello")) return hello(args, n);
  return "unknown-verb";
}

// Reads the arguments as numbers, `least` to `most` of them.
const char *Controller::numbers(char **args, uint8_t n, uint8_t least, uint8_t most) {
  if (n < least) return MISSING;
  if (n > most) return EXTRA;
  for (uint8_t k = 0; k < n; ++k) {
    if (!read_number(args[k], &value_[k])) return BAD;
  }
  return 0;
}

static bool within(uint32_t value, uint32_t least, uint32_t most) {
  return value >= least && value <= most;
}

// `open`, `home` and `stop`.
const char *Controller::move_doors(bool open, char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 1, MAX_DOORS)) return reason;
  for (uint8_t k = 1; k < n; ++k) {
    for (uint8_t before = 0; before < k; ++before) {
      if (value_[before] == value_[k]) return BAD;
    }
  }
  for (uint8_t k = 0; k < n; ++k) {
    if (!within(value_[k], 1, settings_.doors)) return OUT_OF_RANGE;
  }
  answer(reply("ok"));
  for (uint8_t k = 0; k < n; ++k) {
    const uint8_t number = uint8_t(value_[k] - 1);
    Door &door = doors_[number];
    if (open) door.reversals = 0;
    if (door.letter == 'C') {
      reverse(number, "host", false);
    } else if (open && door.letter != 'o' && door.letter != 'O') {
      run(number, 1, door.letter == 'c' ? STALL_MS : HOME_STALL_MS);
      door_event(number, "opening");
    }
  }
  return 0;
}

const char *Controller::close_door(char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 2, 2)) return reason;
  if (!within(value_[0], 1, settings_.doors)) return OUT_OF_RANGE;
  if (!within(value_[1], 1, MAX_PERMIT_MS)) return OUT_OF_RANGE;
  const uint8_t number = uint8_t(value_[0] - 1);
  Door &door = doors_[number];
  const char was = door.letter;
  if (was == 'f') return "fault";
  if (was != 'o' && was != 'C' && was != 'c') return "not-open";
  if (was == 'o' && beam_of(number)) return "beam";
  answer(reply("ok"));
  if (was == 'c') return 0;
  door.permit_ms = now_ms_ + value_[1];
  if (was == 'o') {
    run(number, -1);
    door_event(number, "closing");
  }
  return 0;
}

const char *Controller::permit(char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 2, 2)) return reason;
  if (!within(value_[0], 1, settings_.doors)) return OUT_OF_RANGE;
  if (!within(value_[1], 1, MAX_PERMIT_MS)) return OUT_OF_RANGE;
  Door &door = doors_[value_[0] - 1];
  if (door.letter != 'C') return "not-closing";
  door.permit_ms = now_ms_ + value_[1];
  answer(reply("ok"));
  return 0;
}

const char *Controller::out(char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 2, 3)) return reason;
  if (!within(value_[0], 1, settings_.outputs) || value_[1] > 1) return OUT_OF_RANGE;
  if (value_[1] && n < 3) return MISSING;
  if (!value_[1] && n > 2) return EXTRA;
  const uint8_t number = uint8_t(value_[0] - 1);
  if (value_[1]) return lease(number, value_[2], 0, 0);
  answer(reply("ok"));
  outputs_[number].limited = false;
  if (outputs_[number].on) switch_off(number, "off");
  return 0;
}

const char *Controller::train(char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 4, 4)) return reason;
  if (!within(value_[0], 1, settings_.outputs)) return OUT_OF_RANGE;
  if (!within(value_[1], 1, 100) || !within(value_[2], 1, 1000000)) return OUT_OF_RANGE;
  if (value_[1] * value_[2] > 1000000) return "pulse-too-wide";
  return lease(uint8_t(value_[0] - 1), value_[3], uint8_t(value_[1]), value_[2]);
}

const char *Controller::lease(uint8_t number, uint32_t ms, uint8_t hz, uint32_t width_us) {
  if (!within(ms, 1, MAX_LEASE_MS)) return OUT_OF_RANGE;
  Output &output = outputs_[number];
  if (output.limited || output.total_ms >= settings_.output[number].total_s * 1000) return "limit";
  answer(reply("ok"));
  output.until_ms = now_ms_ + ms;
  if (output.on && output.hz == hz && output.width_us == width_us) return 0;
  if (!output.on) output.since_ms = now_ms_;
  output.on = true;
  output.hz = hz;
  output.width_us = width_us;
  actions_.output(number, true, hz, width_us);
  output_event(number, "on");
  return 0;
}

// The word "-" stands for a list without members.
static Text &none(Text &text) { return text.add('-'); }

const char *Controller::hello(char **args, uint8_t n) {
  if (n > 1) return EXTRA;
  const bool doors = n && !strcmp(args[0], "doors");
  const bool outputs = n && !strcmp(args[0], "outputs");
  if (n && !doors && !outputs) return BAD;
  Text text = reply("ok");
  if (doors) {
    for (uint8_t k = 0; k < settings_.doors; ++k) {
      text.add(' ').add(uint32_t(settings_.door[k].limit_ms));
    }
    if (!settings_.doors) none(text.add(' '));
  } else if (outputs) {
    for (uint8_t k = 0; k < settings_.outputs; ++k) {
      const OutputSettings &row = settings_.output[k];
      text.add(' ').add(row.continuous_ms).add('/').add(row.total_s);
    }
    if (!settings_.outputs) none(text.add(' '));
  } else {
    text.add(' ').add(settings_.name).add(' ').add(settings_.firmware);
    text.add(' ').add(uint32_t(PROTOCOL)).add(' ').add(uint32_t(receiver_.bad()));
    text.add(' ').add(cause_).add(' ').add(uint32_t(settings_.doors));
    text.add(' ').add(uint32_t(settings_.outputs)).add(' ').add(uint32_t(settings_.beams));
  }
  answer(text);
  remembered_ = false;
  greeted_ = true;
  make_safe("host", false);
  for (uint8_t k = 0; k < settings_.outputs; ++k) {
    outputs_[k].total_ms = 0;
    outputs_[k].limited = false;
  }
  return 0;
}

const char *Controller::state(char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 0, 0)) return reason;
  Text text = reply("ok ");
  for (uint8_t k = 0; k < settings_.doors; ++k) text.add(doors_[k].letter);
  if (!settings_.doors) none(text);
  text.add(' ');
  for (uint8_t k = 0; k < settings_.outputs; ++k) text.add(outputs_[k].on ? '1' : '0');
  if (!settings_.outputs) none(text);
  add_beams(text);
  answer(text);
  return 0;
}

const char *Controller::test(char **args, uint8_t n) {
  if (const char *reason = numbers(args, n, 0, 0)) return reason;
  Text text = reply("ok ");
  for (uint8_t k = 0; k < settings_.doors; ++k) {
    text.add(char('0' + (inputs_.open >> k & 1) + 2 * (inputs_.closed >> k & 1)));
  }
  if (!settings_.doors) none(text);
  add_beams(text);
  answer(text);
  return 0;
}

void Controller::add_beams(Text &text) const {
  text.add(' ');
  for (uint8_t k = 0; k < settings_.beams; ++k) text.add(beams_ >> k & 1 ? '1' : '0');
  if (!settings_.beams) none(text);
}

Text Controller::reply(const char *words) const { return Text().add(id_).add(' ').add(words); }

void Controller::answer(const Text &text) {
  reply_size_ = text.frame(reply_);
  actions_.send(reply_, reply_size_);
}
