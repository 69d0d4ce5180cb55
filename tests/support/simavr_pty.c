/* Runs an image of the ATmega328P under simavr in real time, its UART on a pty. A test aid: the
 * noise and the cut lines of a bad cable are made here, so that whoever opens the pty sees a real
 * one. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <avr_eeprom.h>
#include <avr_uart.h>
#include <sim_avr.h>
#include <sim_elf.h>

#include "noise.h"
#include "pty.h"

static const char USAGE[] =
    "usage: simavr_pty ELF [--link PATH] [--noise P] [--cut-every N] [--cut-ms MS] [--seed S]\n"
    "                      [--eeprom FILE] [--seconds N]\n"
    "Prints \"pty: /dev/pts/N\" whenever it has made one, and points the link PATH at it.\n"
    "  --noise P      chance that a byte, either way, is dropped, doubled, changed or joined by "
    "another\n"
    "  --cut-every N  after N bytes to the host the pty is closed, and made anew after --cut-ms "
    "(300)\n"
    "  --eeprom FILE  keeps the EEPROM, and so the number of starts\n"
    "  --seconds N    ends by itself (600); SIGTERM ends it too. It then prints what it saw.\n";

enum { HZ = 16000000, BATCH = HZ / 1000, OUT_MAX = 8192, EEPROM_BYTES = 1024, RAM_START = 0x100 };
enum { PAINT = 0xA5 };

struct bench {
    avr_t *avr;
    avr_irq_t *uart_in;
    bool may_send; /* the UART's input has room */
    struct noise noise;
    struct pty pty;
    const char *link;
    const char *eeprom;
    uint8_t up[OUT_MAX], down[OUT_MAX];
    size_t n_up, n_down;
    unsigned long cut_every, cut_ms, since_cut;
    int64_t plug_at_ns; /* while unplugged */
    unsigned long n_up_bytes, n_down_bytes, n_cuts, n_lost;
    uint32_t stack_from; /* end of .bss */
};

static volatile sig_atomic_t must_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    must_stop = 1;
}

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void be_quiet(avr_t *avr, const int level, const char *format, va_list values)
{
    (void)avr;
    if (level == LOG_ERROR) {
        (void)vfprintf(stderr, format, values);
    }
}

static void no_sleep(avr_t *avr, avr_cycle_count_t cycles)
{
    (void)avr;
    (void)cycles;
}

static void put(struct bench *b, uint8_t *to, size_t *n, uint8_t byte)
{
    uint8_t out[2];
    const size_t m = noise_pass(&b->noise, byte, out);
    for (size_t i = 0; i < m; i++) {
        if (*n < OUT_MAX) {
            to[(*n)++] = out[i];
        } else {
            b->n_lost++;
        }
    }
}

static void on_output(struct avr_irq_t *irq, uint32_t value, void *user)
{
    struct bench *b = user;
    (void)irq;
    b->n_up_bytes++;
    b->since_cut++;
    if (b->pty.master >= 0) {
        put(b, b->up, &b->n_up, (uint8_t)value);
    }
}

static void on_xon(struct avr_irq_t *irq, uint32_t value, void *user)
{
    (void)irq;
    ((struct bench *)user)->may_send = value != 0;
}

static void on_xoff(struct avr_irq_t *irq, uint32_t value, void *user)
{
    (void)irq;
    if (value != 0) {
        ((struct bench *)user)->may_send = false;
    }
}

static int plug(struct bench *b)
{
    if (pty_open(&b->pty) != 0) {
        perror("simavr_pty: pty");
        return -1;
    }
    if (b->link != NULL) {
        char temporary[4096];
        (void)snprintf(temporary, sizeof temporary, "%s.new", b->link);
        (void)unlink(temporary);
        if (symlink(b->pty.path, temporary) != 0 || rename(temporary, b->link) != 0) {
            fprintf(stderr, "simavr_pty: %s: %s\n", b->link, strerror(errno));
            return -1;
        }
    }
    printf("pty: %s\n", b->pty.path);
    (void)fflush(stdout);
    return 0;
}

static void unplug(struct bench *b)
{
    if (b->link != NULL) {
        (void)unlink(b->link);
    }
    pty_close(&b->pty);
    b->n_up = b->n_down = 0;
    b->since_cut = 0;
    b->n_cuts++;
    b->plug_at_ns = now_ns() + (int64_t)b->cut_ms * 1000000;
}

static void exchange(struct bench *b, int wait_ms)
{
    /* A real port forgets its exclusive use when its last user dies; this one has us as a user. */
    (void)ioctl(b->pty.slave, TIOCNXCL);
    struct pollfd wait = {.fd = b->pty.master, .events = POLLIN};
    if (b->pty.master < 0 || poll(&wait, 1, wait_ms) < 0) {
        (void)poll(NULL, 0, wait_ms);
        return;
    }
    if (b->n_up > 0) {
        const ssize_t n = write(b->pty.master, b->up, b->n_up);
        if (n > 0) {
            b->n_up -= (size_t)n;
            memmove(b->up, b->up + n, b->n_up);
        }
    }
    uint8_t bytes[256];
    const ssize_t n = b->n_down == 0 ? read(b->pty.master, bytes, sizeof bytes) : 0;
    for (ssize_t i = 0; i < n; i++) {
        b->n_down_bytes++;
        put(b, b->down, &b->n_down, bytes[i]);
    }
}

static void feed(struct bench *b)
{
    size_t i = 0;
    while (i < b->n_down && b->may_send) {
        avr_raise_irq(b->uart_in, b->down[i++]);
    }
    b->n_down -= i;
    memmove(b->down, b->down + i, b->n_down);
}

static void eeprom_transfer(struct bench *b, bool must_save)
{
    uint8_t bytes[EEPROM_BYTES];
    avr_eeprom_desc_t all = {.ee = bytes, .offset = 0, .size = sizeof bytes};
    FILE *file = b->eeprom != NULL ? fopen(b->eeprom, must_save ? "wb" : "rb") : NULL;
    if (file == NULL) {
        return;
    }
    if (must_save) {
        all.ee = NULL;
        if (avr_ioctl(b->avr, AVR_IOCTL_EEPROM_GET, &all) >= 0 && all.ee != NULL) {
            (void)fwrite(all.ee, 1, sizeof bytes, file);
        }
    } else if (fread(bytes, 1, sizeof bytes, file) == sizeof bytes) {
        (void)avr_ioctl(b->avr, AVR_IOCTL_EEPROM_SET, &all);
    }
    (void)fclose(file);
}

static int load(struct bench *b, const char *path)
{
    static elf_firmware_t firmware;
    avr_global_logger_set(be_quiet);
    if (elf_read_firmware(path, &firmware) != 0) {
        fprintf(stderr, "simavr_pty: %s: no AVR image\n", path);
        return -1;
    }
    b->avr = avr_make_mcu_by_name("atmega328p");
    if (b->avr == NULL || avr_init(b->avr) != 0) {
        fprintf(stderr, "simavr_pty: simavr has no atmega328p\n");
        return -1;
    }
    firmware.frequency = HZ;
    avr_load_firmware(b->avr, &firmware);
    b->avr->frequency = HZ;
    b->avr->sleep = no_sleep;
    b->stack_from = RAM_START + firmware.datasize + firmware.bsssize;
    memset(b->avr->data + b->stack_from, PAINT, b->avr->ramend + 1U - b->stack_from);
    eeprom_transfer(b, false);

    uint32_t flags = 0;
    (void)avr_ioctl(b->avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
    (void)avr_ioctl(b->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    b->uart_in = avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
                            on_output, b);
    avr_irq_register_notify(avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON),
                            on_xon, b);
    avr_irq_register_notify(avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF),
                            on_xoff, b);
    return 0;
}

static void print_summary(const struct bench *b)
{
    uint32_t low = b->stack_from;
    while (low <= b->avr->ramend && b->avr->data[low] == PAINT) {
        low++;
    }
    printf(
        "bytes up %lu, down %lu, hit by noise %llu, cuts %lu, lost %lu; RAM static %u, stack %u\n",
        b->n_up_bytes, b->n_down_bytes, (unsigned long long)b->noise.n_hit, b->n_cuts, b->n_lost,
        (unsigned)(b->stack_from - RAM_START), (unsigned)(b->avr->ramend + 1U - low));
}

static int run(struct bench *b, int64_t end_ns)
{
    const int64_t start_ns = now_ns();
    const avr_cycle_count_t start_cycle = b->avr->cycle;
    while (!must_stop && now_ns() < end_ns) {
        const avr_cycle_count_t until = b->avr->cycle + BATCH;
        while (b->avr->cycle < until) {
            const int state = avr_run(b->avr);
            if (state == cpu_Done || state == cpu_Crashed) {
                fprintf(stderr, "simavr_pty: the firmware stopped\n");
                return 1;
            }
        }
        if (b->pty.master < 0 && now_ns() >= b->plug_at_ns && plug(b) != 0) {
            return 1;
        }
        if (b->cut_every > 0 && b->since_cut >= b->cut_every && b->pty.master >= 0) {
            unplug(b);
        }
        /* 62.5 ns a cycle */
        const int64_t ahead_ns =
            (int64_t)(b->avr->cycle - start_cycle) * 125 / 2 - (now_ns() - start_ns);
        exchange(b, ahead_ns > 1000000 ? (int)(ahead_ns / 1000000) : 0);
        feed(b);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct bench b = {.may_send = true, .cut_ms = 300, .pty = {-1, -1, ""}};
    unsigned long seconds = 600;
    b.noise.state = (uint64_t)now_ns();
    bool is_ok = argc >= 2 && argv[1][0] != '-';
    for (int i = 2; is_ok && i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;
        if (strcmp(argv[i], "--link") == 0) {
            b.link = value;
        } else if (strcmp(argv[i], "--eeprom") == 0) {
            b.eeprom = value;
        } else if (strcmp(argv[i], "--noise") == 0) {
            b.noise.p = strtod(value, &end);
        } else if (strcmp(argv[i], "--cut-every") == 0) {
            b.cut_every = strtoul(value, &end, 10);
        } else if (strcmp(argv[i], "--cut-ms") == 0) {
            b.cut_ms = strtoul(value, &end, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            b.noise.state = strtoull(value, &end, 0);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            seconds = strtoul(value, &end, 10);
        } else {
            is_ok = false;
        }
        is_ok = is_ok && *value != '\0' && (end == NULL || *end == '\0');
    }
    if (!is_ok) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    const struct sigaction action = {.sa_handler = stop};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    if (load(&b, argv[1]) != 0 || plug(&b) != 0) {
        return 1;
    }
    const int rc = run(&b, now_ns() + (int64_t)seconds * 1000000000);
    eeprom_transfer(&b, true);
    print_summary(&b);
    if (b.link != NULL) {
        (void)unlink(b.link);
    }
    pty_close(&b.pty);
    return rc;
}
