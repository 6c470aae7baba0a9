// The controller of doors, outputs and beams of a place-preference apparatus.
//
// This is the shell: pins, timers and the serial line. What is decided is in controller.cpp, which
// knows none of them; what is connected, in pins.h. How to wire and flash: docs/wiring.md.

#include <avr/interrupt.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "filter.h"
#include "pins.h"
#include "shifted.h"
#include "sync.h"
#include "timers.h"

static const char FIRMWARE[] = "1.0";

// What a pin table must not say.
constexpr bool good_door(uint8_t k) {
  return DOOR_TABLE[k].travel_ms >= 200 && DOOR_TABLE[k].limit_ms > DOOR_TABLE[k].travel_ms &&
         DOOR_TABLE[k].limit_ms <= 10000 && DOOR_TABLE[k].beam <= BEAMS;
}
constexpr bool good_servo(uint8_t k) {
  return SERVO_TABLE[k].closed_us >= 500 && SERVO_TABLE[k].closed_us <= 2500 &&
         SERVO_TABLE[k].open_us >= 500 && SERVO_TABLE[k].open_us <= 2500 &&
         SERVO_TABLE[k].closed_us != SERVO_TABLE[k].open_us;
}
// At most 5 cm/s, and at least 2.5: slower than that, the stripes come too seldom to tell a stall.
constexpr bool good_speed(uint8_t k) {
  return SERVO_TABLE[k].stroke_mm * 20UL <= DOOR_TABLE[k].travel_ms &&
         SERVO_TABLE[k].stroke_mm * 40UL >= DOOR_TABLE[k].travel_ms;
}
constexpr bool good_output(uint8_t k) {
  return OUTPUT_TABLE[k].continuous_ms >= 1 && OUTPUT_TABLE[k].continuous_ms <= 3600000UL &&
         OUTPUT_TABLE[k].total_s >= 1 && OUTPUT_TABLE[k].total_s <= 86400UL;
}
static_assert(sizeof BOARD_NAME > 1 && sizeof BOARD_NAME <= 17, "BOARD_NAME: 1 to 16 characters");
static_assert(DOORS <= 4 && OUTPUTS <= 4 && BEAMS <= 8, "at most 4 doors, 4 outputs and 8 beams");
#define CHECK_ROW(k, row)                                                                         \
  static_assert(good_door(k), "DOOR_TABLE, row " row ": travel from 200 ms, limit longer and at " \
                              "most 10000 ms, a beam there is");                                  \
  static_assert(good_servo(k),                                                                    \
                "SERVO_TABLE, row " row ": end points are 500 to 2500 us and differ");            \
  static_assert(good_speed(k),                                                                    \
                "SERVO_TABLE, row " row ": stroke by travel time is 2.5 to 5 cm/s");              \
  static_assert(good_output(k),                                                                   \
                "OUTPUT_TABLE, row " row ": on at most 3600000 ms at a time, 86400 s in all")
CHECK_ROW(0, "1");
CHECK_ROW(1, "2");
CHECK_ROW(2, "3");
CHECK_ROW(3, "4");
static_assert(SYNC_WIDTH_MS >= 1 && SYNC_LEAST_MS > SYNC_WIDTH_MS && SYNC_MOST_MS >= SYNC_LEAST_MS &&
                  SYNC_MOST_MS <= 60000UL,
              "SYNC: a width, and a longer and a longest interval of at most 60000 ms");

static const Settings settings = {BOARD_NAME, FIRMWARE, DOORS, OUTPUTS, BEAMS, DOOR_TABLE,
                                  OUTPUT_TABLE};

static Inputs inputs;
static Ramp ramps[MAX_DOORS];

// Lines on their way to the host. Serial.write would wait when its own 64 bytes are full; a line
// that does not fit here is dropped as a whole, and the count of events shows it.
class Queue {
 public:
  void put(const char *line, uint8_t n) {
    if (n > sizeof bytes_ - size_) return;
    for (uint8_t k = 0; k < n; ++k) {
      bytes_[(first_ + size_++) % sizeof bytes_] = line[k];
    }
  }
  void drain() {
    for (int room = Serial.availableForWrite(); size_ && room > 0; --room) {
      Serial.write(bytes_[first_]);
      first_ = (first_ + 1) % sizeof bytes_;
      --size_;
    }
  }

 private:
  char bytes_[352];
  uint16_t first_ = 0, size_ = 0;
};
static Queue queue;

class Pins : public Actions {
 public:
  void send(const char *line, uint8_t n) override { queue.put(line, n); }
  void motor(uint8_t door, int8_t direction) override {
    ramps[door].go(direction, inputs.open >> door & 1, inputs.closed >> door & 1);
  }
  void output(uint8_t number, bool on, uint8_t hz, uint32_t width_us) override {
    if (!on) {
      output_off(number);
    } else if (hz) {
      output_train(number, hz, width_us);
    } else {
      output_level(number);
    }
  }
};
static Pins pins;
static Controller controller(settings, pins);
static Filter filter;
static Sync sync_pulses(SYNC_WIDTH_MS, SYNC_LEAST_MS, SYNC_MOST_MS);
static uint32_t now;

// The cause of the reset is gone once somebody clears MCUSR: a bootloader does, and hands it on in
// r2. The watchdog stays on after its own reset, and must be stopped before anything else.
static volatile uint8_t reset_flags __attribute__((section(".noinit"), used));
static volatile uint8_t handed_flags __attribute__((section(".noinit"), used));
void keep_reset_flags() __attribute__((naked, used, section(".init3")));
void keep_reset_flags() {
  __asm__ __volatile__("sts %0, r2" : : "i"(&handed_flags));
  reset_flags = MCUSR;
  MCUSR = 0;
  wdt_disable();
}

static const char *reset_cause() {
  const uint8_t flags = reset_flags ? reset_flags : handed_flags;
  if (flags & _BV(PORF)) return "power";
  if (flags & _BV(BORF)) return "brownout";
  if (flags & _BV(WDRF)) return "watchdog";
  return "external";
}

void setup() {
  begin_timers();
  DDRC |= _BV(PC0);
  begin_shifted();
  Serial.begin(115200);
  inputs = read_shifted();
  filter.begin(inputs);
  for (uint8_t k = 0; k < MAX_DOORS; ++k) ramps[k].begin(SERVO_TABLE[k], DOOR_TABLE[k].travel_ms);
  controller.start(inputs, reset_cause());
  wdt_enable(WDTO_120MS);
  set_sleep_mode(SLEEP_MODE_IDLE);
}

static void one_millisecond() {
  ++now;
  const uint8_t before = inputs.stripes;
  inputs = filter.read(read_shifted());
  for (uint8_t k = 0; k < MAX_DOORS; ++k) {
    ramps[k].step((inputs.stripes ^ before) >> k & 1, inputs.open >> k & 1,
                  inputs.closed >> k & 1);
  }
  if (controller.greeted() && sync_pulses.step(now)) {
    controller.sync();
    PORTC |= _BV(PC0);
  } else if (!sync_pulses.high()) {
    PORTC &= uint8_t(~_BV(PC0));
  }
  controller.tick(now, inputs);
  const uint8_t frame = servo_frame();
  for (uint8_t k = 0; k < MAX_DOORS; ++k) set_servo(k, ramps[k].pulse_us(frame));
}

void loop() {
  wdt_reset();
  while (now != time_ms()) one_millisecond();
  while (Serial.available()) {
    sync_pulses.stir(timer_now());
    controller.receive(uint8_t(Serial.read()));
  }
  queue.drain();

  cli();  // nothing may come between the last look and the sleep
  if (now == time_ms() && !Serial.available()) {
    sleep_enable();
    sei();
    sleep_cpu();
    sleep_disable();
  }
  sei();
}
