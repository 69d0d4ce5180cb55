/* hal_host.h - hardware layer over a POSIX descriptor: a device that is a process.
 *
 * Threads: one owner. Memory: the caller's.
 */
#pragma once

#include <stddef.h>

#include "hal.h"

typedef struct {
    device_hal hal;        /* give this to device_init() */
    int fd;                /* non-blocking; the caller's */
    bool is_gone;          /* the other end hung up, or the descriptor failed */
    const char *boot_path; /* file that keeps the boot number; NULL: it is always boot */
    uint16_t boot;
    uint8_t rx[256];
    size_t rx_at, rx_n;
    uint8_t tx[256]; /* accepted, not yet taken by the descriptor */
    size_t tx_n;
} hal_host;

/* Makes hal->hal ready. fd is set non-blocking. boot_path must outlive it. */
void hal_host_init(hal_host *hal, int fd, const char *boot_path, uint16_t boot);

/* The line was plugged in again at another descriptor: what was on its way is lost. */
void hal_host_replug(hal_host *hal, int fd);
