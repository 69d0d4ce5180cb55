#include "keyboard.h"

#include <errno.h>
#include <unistd.h>

void keyboard_open(struct keyboard *k)
{
    k->is_open = false;
    /* To set up a terminal from its background would stop us. */
    if (isatty(STDIN_FILENO) != 1 || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &k->before) != 0) {
        return;
    }
    struct termios keys = k->before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    k->is_open = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

char keyboard_read(struct keyboard *k)
{
    char key = 0;
    const ssize_t n = k->is_open ? read(STDIN_FILENO, &key, 1) : 0;
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        keyboard_close(k);
    }
    return n == 1 ? key : 0;
}

void keyboard_close(struct keyboard *k)
{
    if (k->is_open) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &k->before);
        k->is_open = false;
    }
}
