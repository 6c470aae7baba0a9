// One line of the wire: put together, taken apart, checked. No clock, no port.
//
// A line is printable ASCII text without "*", then "*", two upper-case hex digits of CRC-8/SMBUS
// over the text, and LF; at most 64 bytes in all.
#ifndef PLACE_PREFERENCE_WIRE_H
#define PLACE_PREFERENCE_WIRE_H

#include <stdint.h>

const uint8_t MAX_LINE = 64;          // bytes, LF included
const uint8_t MAX_TEXT = MAX_LINE - 4;

// The checksum of `n` bytes. "123456789" gives 0xF4.
uint8_t crc8(const char *bytes, uint8_t n);

// The text of a line that is being put together. What would not fit is left out; the longest
// texts of the controller fit (tests count them).
class Text {
 public:
  Text() : size_(0) {}
  Text &add(const char *word);
  Text &add(char letter);
  Text &add(uint32_t number);
  // Writes the line with checksum and LF to `line` (MAX_LINE bytes); gives its length.
  uint8_t frame(char *line) const;

 private:
  char text_[MAX_TEXT];
  uint8_t size_;
};

// Bytes in, texts of valid lines out.
//
// A line begins after an LF and nowhere else: an 8-bit checksum is too weak to look for lines
// inside garbage. So garbage takes the line it runs into with it, and the next one is found.
class Receiver {
 public:
  Receiver() : size_(0), skipping_(false), bad_(0) {}
  // The text of the line that `byte` completes, zero-terminated and writable until the next call;
  // null when it completes none.
  char *feed(uint8_t byte);
  // Bytes that were no valid line; stays at 65535.
  uint16_t bad() const { return bad_; }
  void count_bad(uint8_t bytes);

 private:
  char buffer_[MAX_LINE];
  uint8_t size_;
  bool skipping_;
  uint16_t bad_;
};

// Reads a whole number of 1 to 9 digits, up to the end of `word`. False when it is none.
bool read_number(const char *word, uint32_t *number);

#endif
