#include "hal_avr.h"

#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <util/atomic.h>

#define BAUD     HAL_AVR_BAUD
#define BAUD_TOL 3 /* 115200 at 16 MHz is 2.1% off, within what a UART takes */
#include <util/setbaud.h>

enum { RX_BYTES = 64, TX_BYTES = 64, EEPROM_AT = 0 };
_Static_assert((RX_BYTES & (RX_BYTES - 1)) == 0 && (TX_BYTES & (TX_BYTES - 1)) == 0, "masks");

/* One writer an index: no locks. */
static volatile uint8_t rx[RX_BYTES], rx_in, rx_out;
static volatile uint8_t tx[TX_BYTES], tx_in, tx_out;
static volatile uint32_t overflows; /* of Timer1: 32.768 ms each */

ISR(USART_RX_vect)
{
    const uint8_t byte = UDR0;
    const uint8_t next = (uint8_t)(rx_in + 1) & (RX_BYTES - 1);
    if (next != rx_out) { /* a full ring loses a byte: the checksum will tell */
        rx[rx_in] = byte;
        rx_in = next;
    }
}

ISR(USART_UDRE_vect)
{
    if (tx_in == tx_out) {
        UCSR0B &= (uint8_t) ~(1U << UDRIE0);
        return;
    }
    UDR0 = tx[tx_out];
    tx_out = (uint8_t)(tx_out + 1) & (TX_BYTES - 1);
}

ISR(TIMER1_OVF_vect)
{
    overflows++;
}

EMPTY_INTERRUPT(TIMER0_COMPA_vect)

static int16_t read_byte(void *user)
{
    (void)user;
    if (rx_in == rx_out) {
        return -1;
    }
    const uint8_t byte = rx[rx_out];
    rx_out = (uint8_t)(rx_out + 1) & (RX_BYTES - 1);
    return byte;
}

static bool write_all(void *user, const uint8_t *bytes, uint8_t n)
{
    (void)user;
    const uint8_t room = (uint8_t)(tx_out - tx_in - 1) & (TX_BYTES - 1);
    if (room < n) {
        return false;
    }
    for (uint8_t i = 0; i < n; i++) {
        tx[tx_in] = bytes[i];
        tx_in = (uint8_t)(tx_in + 1) & (TX_BYTES - 1);
    }
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        UCSR0B |= (uint8_t)(1U << UDRIE0);
    }
    return true;
}

static uint32_t now_us(void *user)
{
    (void)user;
    uint32_t high;
    uint16_t low;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        high = overflows;
        low = TCNT1;
        /* It may have wrapped with its interrupt still waiting; a large count was read before. */
        if ((TIFR1 & (1U << TOV1)) != 0 && low < 0x8000U) {
            high++;
        }
    }
    return (high << 15) + (low >> 1);
}

/* Two slots, written in turn, each a number and its complement: a power cut while one is written
 * leaves the other. */
static uint16_t next_boot(void *user)
{
    (void)user;
    uint16_t boot = 0;
    uint8_t slot = 0;
    bool has_boot = false;
    for (uint8_t i = 0; i < 2; i++) {
        const uint16_t n = eeprom_read_word((const uint16_t *)(uintptr_t)(EEPROM_AT + 4 * i));
        const uint16_t not_n =
            eeprom_read_word((const uint16_t *)(uintptr_t)(EEPROM_AT + 4 * i + 2));
        if ((uint16_t)~n == not_n && (!has_boot || (uint16_t)(n - boot) < 0x8000U)) {
            boot = n;
            slot = (uint8_t)(1 - i);
            has_boot = true;
        }
    }
    boot++;
    eeprom_write_word((uint16_t *)(uintptr_t)(EEPROM_AT + 4 * slot), boot);
    eeprom_write_word((uint16_t *)(uintptr_t)(EEPROM_AT + 4 * slot + 2), (uint16_t)~boot);
    return boot;
}

static const device_hal HAL = {
    .read = read_byte, .write = write_all, .now_us = now_us, .next_boot = next_boot};

const device_hal *hal_avr_open(void)
{
    UBRR0H = UBRRH_VALUE;
    UBRR0L = UBRRL_VALUE;
    UCSR0A = USE_2X ? (uint8_t)(1U << U2X0) : 0;
    UCSR0C = (uint8_t)(1U << UCSZ01 | 1U << UCSZ00);
    UCSR0B = (uint8_t)(1U << RXCIE0 | 1U << RXEN0 | 1U << TXEN0);
    TCCR1A = 0;
    TCCR1B = (uint8_t)(1U << CS11); /* 16 MHz / 8: half microseconds */
    TIMSK1 = (uint8_t)(1U << TOIE1);
    TCCR0A = (uint8_t)(1U << WGM01);
    TCCR0B = (uint8_t)(1U << CS01 | 1U << CS00); /* 16 MHz / 64 / 250: 1 kHz */
    OCR0A = 249;
    TIMSK0 = (uint8_t)(1U << OCIE0A);
    SMCR = 0; /* idle: timers and UART go on */
    sei();
    return &HAL;
}

void hal_avr_idle(void)
{
    sleep_mode();
}
