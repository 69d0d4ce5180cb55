/* keyboard.h - single keys from the terminal on standard input, while a page is shown on it.
 *
 * If standard input is no terminal, or the process is in its background, there are no keys.
 * Threads: one owner. Memory: the struct.
 */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct keyboard {
    bool is_open;
    struct termios before; /* what the terminal is given back */
};

/* Keys come one by one and are not shown from now on, until keyboard_close(); Ctrl-C stays. */
void keyboard_open(struct keyboard *k);

/* A key that waits, 0: none. A terminal that is gone closes the keyboard. */
char keyboard_read(struct keyboard *k);

/* Gives the terminal back as it was; one that is not open is fine. */
void keyboard_close(struct keyboard *k);
