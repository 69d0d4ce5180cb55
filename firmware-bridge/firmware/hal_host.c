#include "hal_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note_failure(hal_host *h, ssize_t n)
{
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        h->is_gone = true;
    }
}

static void flush(hal_host *h)
{
    if (h->tx_n == 0 || h->is_gone) {
        return;
    }
    const ssize_t n = write(h->fd, h->tx, h->tx_n);
    note_failure(h, n);
    if (n > 0) {
        h->tx_n -= (size_t)n;
        memmove(h->tx, h->tx + n, h->tx_n);
    }
}

static int16_t read_byte(void *user)
{
    hal_host *h = user;
    flush(h);
    if (h->rx_at == h->rx_n && !h->is_gone) {
        const ssize_t n = read(h->fd, h->rx, sizeof h->rx);
        note_failure(h, n);
        h->rx_at = 0;
        h->rx_n = n > 0 ? (size_t)n : 0;
    }
    return h->rx_at < h->rx_n ? h->rx[h->rx_at++] : (int16_t)-1;
}

static bool write_all(void *user, const uint8_t *bytes, uint8_t n)
{
    hal_host *h = user;
    if (sizeof h->tx - h->tx_n < n) {
        flush(h);
    }
    if (sizeof h->tx - h->tx_n < n) {
        return false;
    }
    memcpy(h->tx + h->tx_n, bytes, n);
    h->tx_n += n;
    flush(h);
    return true;
}

static uint32_t now_us(void *user)
{
    (void)user;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U);
}

static uint16_t next_boot(void *user)
{
    hal_host *h = user;
    if (h->boot_path == NULL) {
        return h->boot;
    }
    unsigned boot = h->boot;
    FILE *file = fopen(h->boot_path, "r");
    if (file != NULL) {
        if (fscanf(file, "%5u", &boot) != 1) {
            boot = h->boot;
        }
        (void)fclose(file);
    }
    boot = (boot + 1) & 0xFFFFU;
    file = fopen(h->boot_path, "w");
    if (file == NULL || fprintf(file, "%u\n", boot) < 0 || fclose(file) != 0) {
        fprintf(stderr, "%s: the boot number cannot be kept: %s\n", h->boot_path, strerror(errno));
    }
    return (uint16_t)boot;
}

void hal_host_init(hal_host *h, int fd, const char *boot_path, uint16_t boot)
{
    *h = (hal_host){.boot_path = boot_path, .boot = boot};
    h->hal = (device_hal){
        .user = h, .read = read_byte, .write = write_all, .now_us = now_us, .next_boot = next_boot};
    hal_host_replug(h, fd);
}

void hal_host_replug(hal_host *h, int fd)
{
    h->fd = fd;
    h->is_gone = fd < 0;
    h->rx_at = h->rx_n = h->tx_n = 0;
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}
