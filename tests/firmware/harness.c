// A board in the simulator: the very ELF that is flashed, with a mechanism at its pins.
//
//   harness --script ELF               virtual time; commands on standard input, answers on output
//   harness --pty LINK ELF             real time; LINK becomes a link to a pseudo-terminal;
//                                      commands on standard input work too
//
// Commands, a line each (doors, outputs and beams count from 1; a place is 0 closed to 1 open):
//   run US            go on for US microseconds (script only); answered by what happened, then
//                     "." and where each panel and each servo is
//   send HEX          bytes to the board's serial line, at 115200 baud
//   beam N 0|1        an animal in beam N
//   stuck-beam N 0|1|-        beam N says that, whatever it sees
//   stuck N open|closed 0|1|- a limit switch of door N says that
//   finger N PLACE|-  something in door N that it cannot close beyond
//   stripes N 0|1     the stripe sensor of door N works, or is blind
//   jam N 0|1         door N cannot move
//   slow N FACTOR     servo N runs at FACTOR of its speed
//   place N PLACE     door N, moved by hand
//   reset CAUSE US    power, external, brownout or watchdog; held in reset for US
//   where             where each panel and each servo is, as at the end of a run
//   unplug | plug     close the pseudo-terminal; open another behind the same link (pty only)
//   noise SHARE SEED  flip a bit in that share of the bytes, both ways
//   load              the share of all time in which the core did not sleep
//   stack             the least bytes of RAM that the stack ever left free
//
// What happened, with the time in microseconds since the start:
//   T tx HEX          a line (or what there is of one) from the board, when its last byte is out
//   T out N 0|1       an output's edge;  T sync 0|1
//   T door N PLACE    a door that stands still again
//   T pressed N US    the longest time so far that a servo drove door N on towards closed against
//                     something in it
//   T fast N MM_S     a door moved faster than any before, mean of 160 ms
//
// Times are cycles of the core. Servos are the simplest that show what matters: a pulse makes them
// run to its place at SERVO_MM_S for 25 ms, then they are limp and hold. The panel hangs on a
// string: it sinks as far as the string lets it, by its own weight, and rests on what is in it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_extint.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_cycle_timers.h>

#define MHZ 16
#define DOORS 4
#define OUTPUTS 4
#define BYTE_CYCLES 1389 /* ten bits at 115200 baud */
#define STEP_CYCLES (MHZ * 1000)
#define STROKE_MM 50.0
#define SERVO_MM_S 280.0
#define DRIVE_CYCLES (MHZ * 25000)
#define WINDOW_MS 160
#define UNTOUCHED 0xA5
#define SWITCH_MM 1.0 /* a limit switch is pressed this far from the end */

struct door {
  double servo, goal, panel; /* mm, 0 closed to STROKE_MM open */
  uint64_t driven_until, rose; /* cycles; when its pulse began */
  double speed;              /* of the servo, a factor */
  int jammed, finger, moving, blind;
  double finger_mm;
  int stuck_open, stuck_closed; /* -1: not stuck */
  uint64_t pressed, most_pressed; /* cycles */
  double before[WINDOW_MS], fastest;
  int at;
};

static avr_t *avr;
static avr_irq_t *uart_in, *data_in;
static const char *elf_name;
static elf_firmware_t firmware;
static uint64_t base; /* cycles before the last reset */
static struct door doors[DOORS];
static uint8_t beams, stuck_beams, stuck_beam_values;
static uint8_t outputs, sync_level;
static uint32_t shifted;
static int load_level = 1, clock_level;
static uint8_t queue[65536];
static unsigned queue_first, queue_size;
static uint64_t line_free; /* when the line to the board is free again */
static char said[4096];
static unsigned said_size;
static uint64_t said_at;
static double noise_share;
static uint64_t noise_state = 1;
static int pty = -1, pty_other = -1;
static const char *link_name;
static uint64_t slept; /* cycles */

static uint64_t now(void) { return base + avr->cycle; }

static void tell(uint64_t cycles, const char *format, ...) {
  va_list values;
  va_start(values, format);
  printf("%llu ", (unsigned long long)(cycles / MHZ));
  vprintf(format, values);
  putchar('\n');
  va_end(values);
}

static double chance(void) { /* xorshift, 0 to 1 */
  noise_state ^= noise_state << 13;
  noise_state ^= noise_state >> 7;
  noise_state ^= noise_state << 17;
  return (double)(noise_state >> 11) / 9007199254740992.0;
}

static uint8_t garble(uint8_t byte) {
  if (noise_share > 0 && chance() < noise_share) byte ^= 1 << (int)(chance() * 8);
  return byte;
}

/* The serial line. */

static void flush_said(void) {
  if (!said_size) return;
  if (pty < 0) {
    printf("%llu tx ", (unsigned long long)(said_at / MHZ));
    for (unsigned k = 0; k < said_size; ++k) printf("%02x", (uint8_t)said[k]);
    putchar('\n');
  }
  said_size = 0;
}

static void on_byte(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq, (void)param;
  uint8_t byte = garble(value);
  if (pty >= 0) {
    if (write(pty, &byte, 1) < 0 && errno != EAGAIN) perror("pty");
    return;
  }
  said[said_size++] = byte;
  said_at = now() + BYTE_CYCLES;
  if (byte == '\n' || said_size == sizeof said) flush_said();
}

static avr_cycle_count_t give_byte(avr_t *core, avr_cycle_count_t when, void *param) {
  (void)core, (void)param;
  if (!queue_size) return 0;
  avr_raise_irq(uart_in, garble(queue[queue_first]));
  queue_first = (queue_first + 1) % sizeof queue;
  line_free = base + when + BYTE_CYCLES;
  return --queue_size ? when + BYTE_CYCLES : 0;
}

static void give(const uint8_t *bytes, unsigned n) {
  unsigned idle = !queue_size;
  for (unsigned k = 0; k < n && queue_size < sizeof queue; ++k) {
    queue[(queue_first + queue_size++) % sizeof queue] = bytes[k];
  }
  if (idle && queue_size) {
    uint64_t wait = line_free > now() ? line_free - now() : 1;
    avr_cycle_timer_register(avr, wait, give_byte, 0);
  }
}

/* The pins. */

static uint32_t inputs(void) {
  uint8_t open = 0, closed = 0, stripes = 0;
  for (int k = 0; k < DOORS; ++k) {
    struct door *d = doors + k;
    int o = d->stuck_open >= 0 ? d->stuck_open : d->panel >= STROKE_MM - SWITCH_MM;
    int c = d->stuck_closed >= 0 ? d->stuck_closed : d->panel <= SWITCH_MM;
    open |= o << k;
    closed |= c << k;
    if (!d->blind) stripes |= ((int)floor(d->panel) & 1) << k;
  }
  uint8_t seen = (beams & ~stuck_beams) | (stuck_beam_values & stuck_beams);
  return (uint32_t)(uint8_t) ~(closed << 4 | open) << 16 | (uint32_t)(0xF0 | stripes) << 8 | seen;
}

static void on_shift(struct avr_irq_t *irq, uint32_t value, void *param) {
  int level = value & 1;
  (void)irq;
  if (param == 0) { /* load */
    if (!level) shifted = inputs();
    load_level = level;
  } else { /* clock */
    if (level && !clock_level && load_level) shifted = shifted << 1 | 1;
    clock_level = level;
  }
  avr_raise_irq(data_in, shifted >> 23 & 1);
}

static void on_servo(struct avr_irq_t *irq, uint32_t value, void *param) {
  struct door *d = param;
  (void)irq;
  if (value & 1) {
    d->rose = now();
  } else if (d->rose) {
    double us = (double)(now() - d->rose) / MHZ;
    d->rose = 0;
    if (us < 400 || us > 2600) return; /* no servo takes that for a pulse */
    d->goal = (us - 1000) / 1000 * STROKE_MM;
    d->driven_until = now() + DRIVE_CYCLES;
  }
}

static void on_output(struct avr_irq_t *irq, uint32_t value, void *param) {
  int k = (int)(intptr_t)param;
  (void)irq;
  uint8_t after = (outputs & ~(1 << k)) | (value & 1) << k;
  if (after == outputs) return;
  outputs = after;
  tell(now(), "out %d %d", k + 1, value & 1);
}

static void on_sync(struct avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq, (void)param;
  if ((value & 1) == sync_level) return;
  sync_level = value & 1;
  tell(now(), "sync %d", sync_level);
}

/* The mechanism, a millisecond at a time. */

static void step_door(int number, struct door *d, uint64_t t) {
  double step = SERVO_MM_S * d->speed / 1000, was = d->panel;
  int drives = t < d->driven_until;
  if (drives) {
    double servo = d->servo;
    if (d->goal > servo) servo = fmin(d->goal, servo + step);
    else servo = fmax(d->goal, servo - step);
    /* A jammed panel holds the string: the servo can slacken it, not pull. */
    if (d->jammed && servo > d->panel) servo = fmax(d->servo, d->panel);
    d->servo = servo;
  }
  if (!d->jammed) {
    double rests = 0;
    if (d->finger && was >= d->finger_mm - 1e-9) rests = d->finger_mm;
    double panel = fmin(STROKE_MM, fmax(rests, d->servo));
    /* It sinks no faster than a damped panel does. */
    d->panel = fmax(panel, was - step);
  }
  /* Driven on towards closed with something in the way: the servo is below the panel, and is not
     on its way up. */
  int held = (d->finger && d->panel <= d->finger_mm + 1e-9) && d->servo < d->panel - 0.05;
  if (held && drives && d->goal <= d->servo + 1e-6) {
    d->pressed += STEP_CYCLES;
    if (d->pressed > d->most_pressed) {
      d->most_pressed = d->pressed;
      if (d->pressed > 50000ull * MHZ)
        tell(t, "pressed %d %llu", number, (unsigned long long)(d->pressed / MHZ));
    }
  } else {
    d->pressed = 0;
  }
  int moves = fabs(d->panel - was) > 1e-9;
  double fast = fabs(d->panel - d->before[d->at]) / (WINDOW_MS * 0.001);
  d->before[d->at] = d->panel;
  d->at = (d->at + 1) % WINDOW_MS;
  if (fast > d->fastest + 0.5) {
    d->fastest = fast;
    if (pty < 0) tell(t, "fast %d %.1f", number, fast);
  }
  if (moves) d->moving = 50;
  else if (d->moving && !--d->moving) tell(t, "door %d %.4f", number, d->panel / STROKE_MM);
}

static void step_world(uint64_t t) {
  for (int k = 0; k < DOORS; ++k) step_door(k + 1, doors + k, t);
}

static avr_cycle_count_t on_step(avr_t *core, avr_cycle_count_t when, void *param) {
  (void)core, (void)param;
  step_world(base + when);
  return when + STEP_CYCLES;
}

static void nap(avr_t *core, avr_cycle_count_t how_long) {
  (void)core;
  slept += how_long;
}

static void quiet(avr_t *core, const int level, const char *format, va_list values) {
  (void)core;
  if (level <= LOG_ERROR) vfprintf(stderr, format, values);
}

static avr_irq_t *pin(char port, int n) {
  return avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), n);
}

static void ready(void) { /* after every start */
  /* D2 and D3 could be interrupts, and the simulator would look at them in every cycle. */
  avr_extint_set_strict_lvl_trig(avr, 0, 0);
  avr_extint_set_strict_lvl_trig(avr, 1, 0);
  avr_cycle_timer_register(avr, STEP_CYCLES, on_step, 0);
  if (queue_size) avr_cycle_timer_register(avr, BYTE_CYCLES, give_byte, 0);
}

static void start(void) {
  avr_global_logger_set(quiet);
  if (elf_read_firmware(elf_name, &firmware)) {
    fprintf(stderr, "cannot read %s\n", elf_name);
    exit(1);
  }
  avr = avr_make_mcu_by_name("atmega328p");
  if (!avr) {
    fprintf(stderr, "this simulator knows no atmega328p\n");
    exit(1);
  }
  firmware.frequency = MHZ * 1000000u;
  avr_init(avr);
  avr_load_firmware(avr, &firmware);
  avr->frequency = MHZ * 1000000u;
  avr->sleep = nap;
  uint32_t flags = 0;
  avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
  uart_in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
  data_in = pin('B', 4);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_byte, 0);
  avr_irq_register_notify(pin('D', 2), on_shift, 0);
  avr_irq_register_notify(pin('D', 3), on_shift, (void *)1);
  for (int k = 0; k < DOORS; ++k) avr_irq_register_notify(pin('B', k), on_servo, doors + k);
  for (int k = 0; k < OUTPUTS; ++k) {
    avr_irq_register_notify(pin('D', 4 + k), on_output, (void *)(intptr_t)k);
  }
  avr_irq_register_notify(pin('C', 0), on_sync, 0);
  for (unsigned at = 0x100; at <= avr->ramend; ++at) avr->data[at] = UNTOUCHED;
  avr->data[0x54] = 1; /* MCUSR: power */
  ready();
}

static void run_to(uint64_t cycles) {
  while (now() < cycles) {
    /* Else the simulator looks at its timers after every instruction, which takes twice as long;
       so it looks when the next of them is due, or an interrupt waits. */
    avr->run_cycle_limit = cycles - now();
    int state = avr_run(avr);
    if (state == cpu_Done || state == cpu_Crashed) {
      fprintf(stderr, "the firmware stopped (%d) at %llu us\n", state,
              (unsigned long long)(now() / MHZ));
      exit(1);
    }
  }
}

static void reset(const char *cause, long us) {
  uint8_t bits = !strcmp(cause, "power") ? 1 : !strcmp(cause, "external") ? 2
                 : !strcmp(cause, "brownout") ? 4 : 8;
  flush_said();
  uint64_t at = now();
  /* Held in reset the pins float: outputs are pulled low, servos get no pulses. */
  for (int k = 0; k < OUTPUTS; ++k) {
    if (outputs >> k & 1) tell(at, "out %d 0", k + 1);
  }
  outputs = 0;
  if (sync_level) tell(at, "sync 0");
  sync_level = 0;
  for (int k = 0; k < DOORS; ++k) {
    doors[k].rose = 0;
    /* How fast it is after this counts from here: it went on, and goes to open in pushes. */
    for (int j = 0; j < WINDOW_MS; ++j) doors[k].before[j] = doors[k].panel;
  }
  for (uint64_t t = at + STEP_CYCLES; t < at + (uint64_t)us * MHZ; t += STEP_CYCLES) step_world(t);
  queue_size = 0; /* nobody listened */
  base = at + (uint64_t)us * MHZ;
  avr_reset(avr);
  avr->cycle = 0;
  avr->data[0x54] = bits;
  /* The pins were cleared as well, and only a change is seen. */
  uint32_t level = data_in->value;
  avr_raise_irq(data_in, !level);
  avr_raise_irq(data_in, level);
  ready();
}

/* The pseudo-terminal. */

static void plug(void) {
  pty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (pty < 0 || grantpt(pty) || unlockpt(pty)) {
    perror("no pseudo-terminal");
    exit(1);
  }
  const char *name = ptsname(pty);
  pty_other = open(name, O_RDWR | O_NOCTTY); /* so that the driver may close it and come back */
  struct termios raw;
  tcgetattr(pty_other, &raw);
  cfmakeraw(&raw);
  tcsetattr(pty_other, TCSANOW, &raw);
  unlink(link_name);
  if (symlink(name, link_name)) {
    perror(link_name);
    exit(1);
  }
}

static void unplug(void) {
  close(pty_other);
  close(pty);
  unlink(link_name);
  /* What the board sends now goes nowhere. */
  pty = open("/dev/null", O_RDWR);
  pty_other = -1;
}

/* Commands. */

static int number(const char *word, int most) {
  int n = word ? atoi(word) : 0;
  if (n < 1 || n > most) {
    fprintf(stderr, "not a number from 1 to %d: %s\n", most, word ? word : "");
    exit(2);
  }
  return n - 1;
}

static void tell_places(void) {
  printf("%llu .", (unsigned long long)(now() / MHZ));
  for (int k = 0; k < DOORS; ++k) printf(" %.4f", doors[k].panel / STROKE_MM);
  for (int k = 0; k < DOORS; ++k) printf(" %.4f", doors[k].servo / STROKE_MM);
  putchar('\n');
}

static int obey(char *line) {
  char *words[4] = {0};
  int n = 0;
  for (char *at = strtok(line, " \n"); at && n < 4; at = strtok(0, " \n")) words[n++] = at;
  if (!n) return 1;
  const char *verb = words[0], *a = words[1], *b = words[2], *c = words[3];
  if (!strcmp(verb, "run") && a) {
    run_to(now() / MHZ * MHZ + strtoull(a, 0, 10) * MHZ);
    tell_places();
  } else if (!strcmp(verb, "where")) {
    tell_places();
  } else if (!strcmp(verb, "send") && a) {
    uint8_t bytes[4096];
    unsigned size = 0;
    for (const char *at = a; at[0] && at[1] && size < sizeof bytes; at += 2) {
      char pair[3] = {at[0], at[1], 0};
      bytes[size++] = strtoul(pair, 0, 16);
    }
    give(bytes, size);
  } else if (!strcmp(verb, "beam") && b) {
    int k = number(a, 8);
    beams = (beams & ~(1 << k)) | (atoi(b) & 1) << k;
  } else if (!strcmp(verb, "stuck-beam") && b) {
    int k = number(a, 8);
    stuck_beams = (stuck_beams & ~(1 << k)) | (*b != '-') << k;
    stuck_beam_values = (stuck_beam_values & ~(1 << k)) | (*b == '1') << k;
  } else if (!strcmp(verb, "stuck") && c) {
    struct door *d = doors + number(a, DOORS);
    *(!strcmp(b, "open") ? &d->stuck_open : &d->stuck_closed) = *c == '-' ? -1 : atoi(c);
  } else if (!strcmp(verb, "finger") && b) {
    struct door *d = doors + number(a, DOORS);
    d->finger = *b != '-';
    if (d->finger) d->finger_mm = fmin(atof(b) * STROKE_MM, d->panel);
  } else if (!strcmp(verb, "stripes") && b) {
    doors[number(a, DOORS)].blind = !atoi(b);
  } else if (!strcmp(verb, "jam") && b) {
    doors[number(a, DOORS)].jammed = atoi(b);
  } else if (!strcmp(verb, "slow") && b) {
    doors[number(a, DOORS)].speed = atof(b);
  } else if (!strcmp(verb, "place") && b) {
    struct door *d = doors + number(a, DOORS);
    d->panel = d->servo = d->goal = atof(b) * STROKE_MM;
    for (int k = 0; k < WINDOW_MS; ++k) d->before[k] = d->panel;
  } else if (!strcmp(verb, "reset") && b) {
    reset(a, atol(b));
  } else if (!strcmp(verb, "unplug") && link_name) {
    unplug();
  } else if (!strcmp(verb, "plug") && link_name) {
    close(pty);
    plug();
  } else if (!strcmp(verb, "noise") && b) {
    noise_share = atof(a);
    noise_state = strtoull(b, 0, 10) * 2654435761u + 88172645463325252ull;
  } else if (!strcmp(verb, "stack")) {
    unsigned left = 0, run = 0;
    for (unsigned at = 0x100; at <= avr->ramend; ++at) {
      run = avr->data[at] == UNTOUCHED ? run + 1 : 0;
      if (run > left) left = run;
    }
    printf("%u\n", left);
  } else if (!strcmp(verb, "load")) {
    printf("%.3f\n", 1 - (double)slept / now());
  } else if (!strcmp(verb, "quit")) {
    return 0;
  } else {
    fprintf(stderr, "no such command: %s\n", verb);
    exit(2);
  }
  fflush(stdout);
  return 1;
}

static void serve(void) {
  struct timespec began, at;
  uint64_t from = now();
  static char line[16384];
  unsigned size = 0;
  clock_gettime(CLOCK_MONOTONIC, &began);
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t us = (at.tv_sec - began.tv_sec) * 1000000ull + (at.tv_nsec - began.tv_nsec) / 1000;
    uint64_t target = from + us * MHZ;
    if (now() < target) run_to(target);
    uint8_t bytes[256];
    struct pollfd ends[2] = {{pty, POLLIN, 0}, {0, POLLIN, 0}};
    struct timespec wait = {0, 500000};
    if (ppoll(ends + (pty_other < 0), 2 - (pty_other < 0), &wait, 0) > 0) {
      if (pty_other >= 0 && ends[0].revents & POLLIN) {
        ssize_t n = read(pty, bytes, sizeof bytes);
        if (n > 0) give(bytes, n);
      }
      if (ends[1].revents) {
        ssize_t n = read(0, line + size, sizeof line - 1 - size);
        if (n <= 0) return; /* who started it is gone */
        size += n;
        char *end;
        while ((end = memchr(line, '\n', size))) {
          *end = 0;
          unsigned used = end + 1 - line;
          static char copy[16384];
          memcpy(copy, line, used);
          memmove(line, line + used, size -= used);
          if (!obey(copy)) return;
        }
      }
    }
  }
}

int main(int count, char **words) {
  int script = count == 3 && !strcmp(words[1], "--script");
  if (!script && !(count == 4 && !strcmp(words[1], "--pty"))) {
    fprintf(stderr, "harness --script ELF | harness --pty LINK ELF\n");
    return 2;
  }
  elf_name = words[count - 1];
  for (int k = 0; k < DOORS; ++k) {
    doors[k] = (struct door){.speed = 1, .stuck_open = -1, .stuck_closed = -1};
    doors[k].panel = doors[k].servo = doors[k].goal = STROKE_MM;
    for (int j = 0; j < WINDOW_MS; ++j) doors[k].before[j] = STROKE_MM;
  }
  if (script) {
    static char line[16384];
    start();
    while (fgets(line, sizeof line, stdin) && obey(line)) {
    }
    return 0;
  }
  link_name = words[2];
  plug();
  start();
  printf("%s\n", link_name);
  fflush(stdout);
  serve();
  unlink(link_name);
  return 0;
}
