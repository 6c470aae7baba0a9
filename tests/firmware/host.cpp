// The firmware's decisions as a library of this computer, for tests: the same controller.cpp and
// wire.cpp, with calls that ctypes can make.
#include <string.h>

#include "controller.h"

namespace {

class Kept : public Actions {
 public:
  void send(const char *line, uint8_t n) override {
    if (size + n <= sizeof lines) memcpy(lines + size, line, n), size += n;
  }
  void motor(uint8_t door, int8_t direction) override { motors[door] = direction; }
  void output(uint8_t number, bool on, uint8_t, uint32_t) override { outputs[number] = on; }

  char lines[4096];
  uint32_t size = 0;
  int8_t motors[MAX_DOORS] = {0};
  bool outputs[MAX_OUTPUTS] = {false};
};

struct Host {
  DoorSettings doors[MAX_DOORS];
  OutputSettings outputs[MAX_OUTPUTS];
  char name[17];
  Settings settings;
  Kept kept;
  Controller *controller;
};

}  // namespace

extern "C" {

Host *make(const char *name, uint8_t doors, const uint16_t *travel_limit_beam, uint8_t outputs,
           const uint32_t *continuous_total, uint8_t beams) {
  Host *host = new Host();
  strncpy(host->name, name, 16);
  for (uint8_t k = 0; k < doors; ++k) {
    host->doors[k] = {travel_limit_beam[3 * k], travel_limit_beam[3 * k + 1],
                      uint8_t(travel_limit_beam[3 * k + 2])};
  }
  for (uint8_t k = 0; k < outputs; ++k) {
    host->outputs[k] = {continuous_total[2 * k], continuous_total[2 * k + 1]};
  }
  host->settings = {host->name, "sim-1", doors, outputs, beams, host->doors, host->outputs};
  host->controller = new Controller(host->settings, host->kept);
  return host;
}

void destroy(Host *host) {
  delete host->controller;
  delete host;
}

void start(Host *host, uint8_t open, uint8_t closed, uint8_t stripes, uint8_t beams,
           const char *cause) {
  host->controller->start({open, closed, stripes, beams}, cause);
}

void tick(Host *host, uint32_t now_ms, uint8_t open, uint8_t closed, uint8_t stripes,
          uint8_t beams) {
  host->controller->tick(now_ms, {open, closed, stripes, beams});
}

void receive(Host *host, const uint8_t *bytes, uint32_t n) {
  while (n--) host->controller->receive(*bytes++);
}

void give_sync(Host *host) { host->controller->sync(); }

// What was sent since the last call.
uint32_t sent(Host *host, char *lines) {
  const uint32_t size = host->kept.size;
  memcpy(lines, host->kept.lines, size);
  host->kept.size = 0;
  return size;
}

int motor(Host *host, uint8_t door) { return host->kept.motors[door]; }
int output(Host *host, uint8_t number) { return host->kept.outputs[number]; }
char letter(Host *host, uint8_t door) { return host->controller->letter(door); }
}
