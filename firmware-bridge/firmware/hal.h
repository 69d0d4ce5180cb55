/* hal.h - the hardware interface of the device's side of the serial link.
 *
 * hal_avr.c implements it for the ATmega328P (Arduino Uno), hal_host.c for a POSIX descriptor;
 * another board needs these four functions and a main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    void *user; /* given to each function */

    /* The next byte received, or -1: none yet. Does not wait. */
    int16_t (*read)(void *user);

    /* Sends all n bytes or none: false if there is no room for all of them now. Does not wait. */
    bool (*write)(void *user, const uint8_t *bytes, uint8_t n);

    /* A clock of microseconds that wraps at 2^32 and never jumps. */
    uint32_t (*now_us)(void *user);

    /* A number that no earlier start of this device has had (modulo 2^16), kept over power cuts:
     * it names the session. Called once, by device_init(). */
    uint16_t (*next_boot)(void *user);
} device_hal;

/* On a clock of microseconds, over its wrap. */
static inline bool hal_is_past(uint32_t now, uint32_t deadline)
{
    return (uint32_t)(now - deadline) < UINT32_C(0x80000000);
}
