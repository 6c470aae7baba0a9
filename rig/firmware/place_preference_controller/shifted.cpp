#include "shifted.h"

#include <avr/io.h>

static const uint8_t LOAD = _BV(PD2);
static const uint8_t CLOCK = _BV(PD3);
static const uint8_t DATA = _BV(PB4);

void begin_shifted() {
  PORTD = (PORTD & ~CLOCK) | LOAD;
  DDRD |= LOAD | CLOCK;
  DDRB &= ~DATA;
  PORTB |= DATA;  // pulled up: with the cable out, no switch is pressed and beams are blocked
}

static uint8_t read_chip() {
  uint8_t value = 0;
  for (uint8_t k = 0; k < 8; ++k) {
    value <<= 1;
    if (PINB & DATA) value |= 1;
    PORTD |= CLOCK;
    PORTD &= uint8_t(~CLOCK);
  }
  return value;
}

Inputs read_shifted() {
  PORTD &= uint8_t(~LOAD);
  PORTD |= LOAD;
  const uint8_t switches = uint8_t(~read_chip());
  const uint8_t stripes = read_chip();
  const uint8_t beams = read_chip();
  Inputs inputs;
  inputs.open = switches & 0x0F;
  inputs.closed = switches >> 4;
  inputs.stripes = stripes & 0x0F;
  inputs.beams = beams;
  return inputs;
}
