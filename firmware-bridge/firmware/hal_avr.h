/* hal_avr.h - hardware layer for the ATmega328P at 16 MHz (Arduino Uno).
 *
 * USART0 at HAL_AVR_BAUD, 8N1, both ways through rings filled and emptied by interrupts; Timer1 as
 * clock; Timer0 wakes a sleeping main loop every millisecond; the boot counter in 8 bytes of
 * EEPROM.
 */
#pragma once

#include "hal.h"

#ifndef HAL_AVR_BAUD
#define HAL_AVR_BAUD 1000000
#endif

/* Starts the hardware and the interrupts. There is one; it lives forever. */
const device_hal *hal_avr_open(void);

/* Sleeps until the next interrupt, at most a millisecond. */
void hal_avr_idle(void);
