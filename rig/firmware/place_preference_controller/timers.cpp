#include "timers.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

// Outputs are PD4 to PD7, servos PB0 to PB3.
static const uint8_t OUTPUT_MASK = 0xF0;
static const uint8_t SERVO_MASK = 0x0F;

// Timer1 runs freely at 2 MHz. Compare B gives the millisecond; compare A the servos, one after
// the other in slots of 5 ms.
static const uint16_t MS_TICKS = 2000;
static const uint16_t SLOT_TICKS = 10000;

static volatile uint32_t now_ms;
static volatile uint16_t pulse_ticks[4];
static volatile uint8_t frame;
static uint8_t slot;
static bool pulse_high;
static uint16_t slot_began, pulse_ends;

ISR(TIMER1_COMPB_vect) {
  OCR1B += MS_TICKS;
  ++now_ms;
}

// Another interrupt may hold this one up, and a pulse that is 10 us off moves a panel by half a
// millimetre. So a pulse counts from where it began, and its end is waited for.
static const uint16_t EARLY_TICKS = 32;

ISR(TIMER1_COMPA_vect) {
  if (!pulse_high) {
    slot_began = OCR1A;
    const uint16_t width = pulse_ticks[slot];
    if (width) {
      PORTB |= uint8_t(1 << slot);
      pulse_ends = TCNT1 + width;
      OCR1A = pulse_ends - EARLY_TICKS;
      pulse_high = true;
      return;
    }
  } else {
    while (int16_t(TCNT1 - pulse_ends) < 0) {
    }
    PORTB &= uint8_t(~(1 << slot));
    pulse_high = false;
  }
  OCR1A = slot_began + SLOT_TICKS;
  slot = (slot + 1) & 3;
  if (slot == 0) ++frame;
}

// Timer2 runs freely at 500 kHz; its overflows are counted to 32 bits.
// Compare A is set for the next edge once that is less than one revolution (512 us) away.
struct Train {
  bool running, high;
  uint32_t edge;         // when the next edge is due
  uint32_t width;        // of a pulse, in ticks
  uint32_t whole;        // from pulse to pulse, in ticks
  uint8_t part, hz;      // and the rest of that division,
  uint8_t owed;          // added up, so that trains keep their rate
};
static Train trains[4];
static uint32_t revolutions;  // in ticks

static uint32_t train_now() {
  const uint8_t low = TCNT2;
  uint32_t high = revolutions;
  if ((TIFR2 & _BV(TOV2)) && low < 128) high += 256;  // its interrupt is still to come
  return high + low;
}

static void step_trains() {
  for (;;) {
    uint32_t now = train_now();
    int32_t wait = 0x7FFFFFFF;
    for (uint8_t k = 0; k < 4; ++k) {
      Train &train = trains[k];
      if (!train.running) continue;
      if (int32_t(now - train.edge) >= 0) {
        train.high = !train.high;
        if (train.high) {
          PORTD |= uint8_t(0x10 << k);
          train.edge += train.width;
        } else {
          PORTD &= uint8_t(~(0x10 << k));
          train.edge += train.whole - train.width;
          train.owed += train.part;
          if (train.owed >= train.hz) {
            train.owed -= train.hz;
            ++train.edge;
          }
        }
      }
      const int32_t until = int32_t(train.edge - now);
      if (until < wait) wait = until;
    }
    if (wait >= 256) {  // or no train at all
      TIMSK2 = _BV(TOIE2);
      return;
    }
    // A match from before may be waiting still: that makes one step more, which does nothing.
    OCR2A = uint8_t(now + uint32_t(wait));
    TIMSK2 = _BV(TOIE2) | _BV(OCIE2A);
    // A match is seen only if it is still to come.
    if (int32_t(train_now() - (now + uint32_t(wait))) < -1) return;
  }
}

ISR(TIMER2_OVF_vect) {
  revolutions += 256;
  step_trains();
}

ISR(TIMER2_COMPA_vect) { step_trains(); }

void begin_timers() {
  PORTD &= uint8_t(~OUTPUT_MASK);
  DDRD |= OUTPUT_MASK;
  PORTB &= uint8_t(~SERVO_MASK);
  DDRB |= SERVO_MASK;
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    TIMSK0 = 0;  // the core's clock is not used
    TIMSK2 = _BV(TOIE2);
    TCCR2A = 0;
    TCCR2B = _BV(CS21) | _BV(CS20);
    TCCR1A = 0;
    TCCR1B = _BV(CS11);
    TCNT1 = 0;
    OCR1A = SLOT_TICKS;
    OCR1B = MS_TICKS;
    TIFR1 = _BV(OCF1A) | _BV(OCF1B);
    TIMSK1 = _BV(OCIE1A) | _BV(OCIE1B);
  }
}

uint32_t time_ms() {
  uint32_t ms;
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { ms = now_ms; }
  return ms;
}

uint16_t timer_now() {
  uint16_t ticks;
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { ticks = TCNT1; }
  return ticks;
}

uint8_t servo_frame() { return frame; }

void set_servo(uint8_t k, uint16_t pulse_us) {
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { pulse_ticks[k] = pulse_us * 2; }
}

void output_off(uint8_t k) {
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    trains[k].running = false;
    PORTD &= uint8_t(~(0x10 << k));
  }
}

void output_level(uint8_t k) {
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    trains[k].running = false;
    PORTD |= uint8_t(0x10 << k);
  }
}

void output_train(uint8_t k, uint8_t hz, uint32_t width_us) {
  const uint32_t whole = 500000UL / hz;
  const uint32_t width = width_us < 2 ? 1 : width_us / 2;
  if (width >= whole) {
    output_level(k);
    return;
  }
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    Train &train = trains[k];
    train.running = true;
    train.high = false;
    train.width = width;
    train.whole = whole;
    train.part = uint8_t(500000UL % hz);
    train.hz = hz;
    train.owed = 0;
    train.edge = train_now();
    PORTD &= uint8_t(~(0x10 << k));  // a level that becomes a train begins with an edge
    step_trains();
  }
}
