#include "wire.h"

#include <string.h>

uint8_t crc8(const char *bytes, uint8_t n) {
  uint8_t crc = 0;
  while (n--) {
    crc ^= uint8_t(*bytes++);
    for (uint8_t bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x80) ? uint8_t(crc << 1) ^ 0x07 : uint8_t(crc << 1);
    }
  }
  return crc;
}

static char hex(uint8_t nibble) { return char(nibble < 10 ? '0' + nibble : 'A' + nibble - 10); }

Text &Text::add(const char *word) {
  while (*word) add(*word++);
  return *this;
}

Text &Text::add(char letter) {
  if (size_ < MAX_TEXT) text_[size_++] = letter;
  return *this;
}

Text &Text::add(uint32_t number) {
  char digits[10];
  uint8_t n = 0;
  do {
    digits[n++] = char('0' + number % 10);
    number /= 10;
  } while (number);
  while (n) add(digits[--n]);
  return *this;
}

uint8_t Text::frame(char *line) const {
  memcpy(line, text_, size_);
  const uint8_t crc = crc8(text_, size_);
  line[size_] = '*';
  line[size_ + 1] = hex(crc >> 4);
  line[size_ + 2] = hex(crc & 0x0F);
  line[size_ + 3] = '\n';
  return size_ + 4;
}

void Receiver::count_bad(uint8_t bytes) {
  bad_ = bad_ > 0xFFFF - bytes ? 0xFFFF : uint16_t(bad_ + bytes);
}

char *Receiver::feed(uint8_t byte) {
  if (skipping_) {
    count_bad(1);
    if (byte == '\n') skipping_ = false;
    return 0;
  }
  if (byte != '\n') {
    buffer_[size_++] = char(byte);
    if (size_ == MAX_LINE) {  // too long already
      count_bad(size_);
      size_ = 0;
      skipping_ = true;
    }
    return 0;
  }
  const uint8_t end = size_;
  size_ = 0;
  bool good = end > 4 && buffer_[end - 3] == '*';
  const uint8_t n = good ? uint8_t(end - 3) : 0;
  for (uint8_t k = 0; good && k < n; ++k) {
    good = buffer_[k] >= ' ' && buffer_[k] <= '~' && buffer_[k] != '*';
  }
  if (good) {
    const uint8_t crc = crc8(buffer_, n);
    good = buffer_[end - 2] == hex(crc >> 4) && buffer_[end - 1] == hex(crc & 0x0F);
  }
  if (!good) {
    count_bad(uint8_t(end + 1));
    return 0;
  }
  buffer_[n] = 0;
  return buffer_;
}

bool read_number(const char *word, uint32_t *number) {
  uint32_t value = 0;
  uint8_t digits = 0;
  for (; *word; ++word, ++digits) {
    if (*word < '0' || *word > '9' || digits == 9) return false;
    value = value * 10 + uint32_t(*word - '0');
  }
  *number = value;
  return digits > 0;
}
