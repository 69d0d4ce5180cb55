/* bridge/serial.h. Runs under tests/support/serial_shim.c, which makes ptys pass for serial ports.
 */
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "bridge/serial.h"
#include "pty.h"

static char text[512];

static int try_open(const char *path, int baud)
{
    bridge_serial serial;
    text[0] = '\0';
    const int rc = bridge_serial_open(&serial, path, baud, text, sizeof text);
    if (rc != BRIDGE_OK) {
        assert_int_equal(serial.fd, -1);
        assert_null(serial.port);
        assert_non_null(strstr(text, path));
        assert_null(strchr(text, '\n'));
        printf("%s\n", text);
    }
    bridge_serial_close(&serial);
    return rc;
}

static void expect_text(const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, part);
    }
}

static void bytes_go_both_ways_at_every_speed(void **state)
{
    (void)state;
    static const int SPEEDS[] = {115200, 250000, 500000, 1000000, 2000000};
    struct pty pty;
    assert_int_equal(pty_open(&pty), 0);
    for (size_t i = 0; i < sizeof SPEEDS / sizeof SPEEDS[0]; i++) {
        bridge_serial serial;
        uint8_t all[256], got[256];
        for (size_t k = 0; k < sizeof all; k++) {
            all[k] = (uint8_t)k;
        }
        assert_int_equal(bridge_serial_open(&serial, pty.path, SPEEDS[i], text, sizeof text),
                         BRIDGE_OK);
        assert_true(serial.fd >= 0);
        assert_int_equal(write(serial.fd, all, sizeof all), sizeof all);
        assert_int_equal(read(pty.master, got, sizeof got), sizeof got);
        assert_memory_equal(all, got, sizeof all);
        assert_int_equal(write(pty.master, all, sizeof all), sizeof all);
        struct pollfd wait = {.fd = serial.fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 1000), 1);
        assert_int_equal(read(serial.fd, got, sizeof got), sizeof got);
        assert_memory_equal(all, got, sizeof all);
        bridge_serial_close(&serial);
        assert_int_equal(serial.fd, -1);
    }
    pty_close(&pty);
}

static void the_port_is_raw_exclusive_and_keeps_dtr_when_closed(void **state)
{
    (void)state;
    struct pty pty;
    struct termios t;
    bridge_serial serial;
    assert_int_equal(pty_open(&pty), 0);
    assert_int_equal(bridge_serial_open(&serial, pty.path, 115200, text, sizeof text), BRIDGE_OK);
    assert_int_equal(tcgetattr(serial.fd, &t), 0);
    assert_int_equal(cfgetospeed(&t), B115200);
    assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG), 0);
    assert_int_equal(t.c_oflag & OPOST, 0);
    assert_int_equal(t.c_cflag & (CSIZE | PARENB | CSTOPB | HUPCL), CS8);
    assert_true((fcntl(serial.fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(serial.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(try_open(pty.path, 115200), BRIDGE_ERR_BUSY);
    expect_text("in use");
    bridge_serial_close(&serial);
    assert_int_equal(try_open(pty.path, 115200), BRIDGE_OK);
    pty_close(&pty);
}

static void reading_nothing_is_eagain_and_a_port_that_is_gone_reads_as_hung_up(void **state)
{
    (void)state;
    struct pty pty;
    bridge_serial serial;
    uint8_t byte;
    assert_int_equal(pty_open(&pty), 0);
    assert_int_equal(bridge_serial_open(&serial, pty.path, 115200, text, sizeof text), BRIDGE_OK);
    assert_int_equal(read(serial.fd, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    pty_close(&pty);
    struct pollfd wait = {.fd = serial.fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 1000), 1);
    assert_true((wait.revents & POLLHUP) != 0);
    const ssize_t n = read(serial.fd, &byte, 1);
    assert_true(n == 0 || (n < 0 && errno == EIO));
    bridge_serial_close(&serial);
    bridge_serial_close(&serial);
}

static void a_link_to_a_port_is_followed(void **state)
{
    (void)state;
    static const char LINK[] = MURID_BINARY_DIR "/tests/serial_link";
    struct pty pty;
    assert_int_equal(pty_open(&pty), 0);
    (void)unlink(LINK);
    assert_int_equal(symlink(pty.path, LINK), 0);
    assert_int_equal(try_open(LINK, 115200), BRIDGE_OK);
    pty_close(&pty);
    assert_int_equal(try_open(LINK, 115200), BRIDGE_ERR_ABSENT);
    (void)unlink(LINK);
}

static void what_is_wrong_is_said_with_what_helps(void **state)
{
    (void)state;
    struct pty pty;
    assert_int_equal(try_open("/dev/ttyNONE7", 115200), BRIDGE_ERR_ABSENT);
    expect_text("no such port");
    bridge_serial again;
    assert_int_equal(bridge_serial_open(&again, "/dev/ttyNONE7", 115200, NULL, 0),
                     BRIDGE_ERR_ABSENT);
    assert_int_equal(try_open("/dev/null", 115200), BRIDGE_ERR_KIND);
    expect_text("not a serial port");
    assert_int_equal(try_open("/", 115200), BRIDGE_ERR_KIND);
    assert_int_equal(pty_open(&pty), 0);
    assert_int_equal(try_open(pty.path, 300), BRIDGE_ERR_BAUD);
    expect_text("300 baud, expected 9600 to 2000000");
    assert_int_equal(setenv("SERIAL_SHIM_DENY", "1", 1), 0);
    assert_int_equal(try_open(pty.path, 115200), BRIDGE_ERR_ACCESS);
    expect_text("group dialout");
    assert_int_equal(unsetenv("SERIAL_SHIM_DENY"), 0);
    assert_int_equal(setenv("SERIAL_SHIM_REFUSE_BAUD", "1", 1), 0);
    assert_int_equal(try_open(pty.path, 2000000), BRIDGE_ERR_BAUD);
    expect_text("refuses 2000000 baud");
    assert_int_equal(try_open(pty.path, 115200), BRIDGE_OK);
    assert_int_equal(unsetenv("SERIAL_SHIM_REFUSE_BAUD"), 0);
    pty_close(&pty);
}

static void closing_what_was_never_open_is_fine(void **state)
{
    (void)state;
    bridge_serial zeroed = {0};
    bridge_serial_close(&zeroed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways_at_every_speed),
        cmocka_unit_test(the_port_is_raw_exclusive_and_keeps_dtr_when_closed),
        cmocka_unit_test(reading_nothing_is_eagain_and_a_port_that_is_gone_reads_as_hung_up),
        cmocka_unit_test(a_link_to_a_port_is_followed),
        cmocka_unit_test(what_is_wrong_is_said_with_what_helps),
        cmocka_unit_test(closing_what_was_never_open_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
