/* zmq_bus.h: what can be told without a peer. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "curve_keys.h"
#include "root.h"
#include "suite.h"
#include "zmq_bus.h"

static struct fault fault;
static struct config config;
static struct zmq_bus bus;
static char key_path[ROOT_PATH_BYTES];
static char public_path[ROOT_PATH_BYTES];
static char list_path[ROOT_PATH_BYTES];

static int make_directory(void **state)
{
    if (root_make(state) != 0) {
        return -1;
    }
    (void)root_file(key_path, "key");
    (void)root_file(public_path, "key.pub");
    (void)root_file(list_path, "list");
    return 0;
}

static int remove_directory(void **state)
{
    (void)unlink(key_path);
    (void)unlink(public_path);
    (void)unlink(list_path);
    return root_remove(state);
}

static void closed_sockets(void)
{
    config_init(&config);
    config.sockets.ask[0] = config.sockets.pub[0] = config.sockets.trials[0] = '\0';
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void this_machine_is_told_from_others(void **state)
{
    (void)state;
    static const char *const LOCAL[] = {
        "tcp://127.0.0.1:5770", "tcp://127.1.2.3:5770", "tcp://localhost:1", "tcp://[::1]:5770",
        "tcp://lo:5770",        "ipc:///tmp/murid",     "inproc://x",        "tcp://127.0.0.1:*"};
    static const char *const FAR[] = {"tcp://*:5770",
                                      "tcp://0.0.0.0:5770",
                                      "tcp://192.168.1.5:5770",
                                      "tcp://eth0:5770",
                                      "tcp://127.example.org:5770",
                                      "tcp://127.0.0.1.example.org:5770",
                                      "tcp://127.0.0.1:0;10.0.0.5:5770",
                                      "tcp://localhost.example.org:5770",
                                      "tcp://localhost:0;10.0.0.5:5770",
                                      "tcp://[::]:5770",
                                      "tcp://lo0:5770",
                                      "tcp://127:5770",
                                      "udp://127.0.0.1:5770",
                                      "pgm://127.0.0.1:5770",
                                      "tcp://",
                                      "tcp:",
                                      "127.0.0.1:5770",
                                      ""};
    for (size_t i = 0; i < sizeof LOCAL / sizeof LOCAL[0]; i++) {
        if (!zmq_bus_is_local(LOCAL[i])) {
            fail_msg("%s is taken for another machine", LOCAL[i]);
        }
    }
    for (size_t i = 0; i < sizeof FAR / sizeof FAR[0]; i++) {
        if (zmq_bus_is_local(FAR[i])) {
            fail_msg("%s is taken for this machine", FAR[i]);
        }
    }
}

static void an_address_that_others_reach_needs_keys_or_the_word_insecure(void **state)
{
    (void)state;
    closed_sockets();
    strcpy(config.sockets.ask, "tcp://0.0.0.0:*");
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "sockets.ask: tcp://0.0.0.0:*"));
    assert_non_null(strstr(fault.text, "security.server_key"));
    config.security.insecure = true;
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_NONE);
    zmq_bus_close(&bus);
    config.security.insecure = false;
    config.sockets.ask[0] = '\0';
    config.sockets.trials_connect.n = 1;
    strcpy(config.sockets.trials_connect.v[0], "tcp://10.1.2.3:5555");
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "sockets.trials_connect"));
}

static void an_endpoint_that_is_none_is_named(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"tcp://127.0.0.1:99999", "tcp://127.0.0.1", "nonsense://x",
                                        "127.0.0.1:5770", "tcp://127.0.0.1:port"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        closed_sockets();
        config.security.insecure = true;
        strcpy(config.sockets.pub, WRONG[i]);
        assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
        assert_non_null(strstr(fault.text, "sockets.pub"));
        assert_non_null(strstr(fault.text, WRONG[i]));
        assert_null(bus.context);
    }
}

static void a_key_pair_is_made_once_and_readable_by_its_owner_only(void **state)
{
    (void)state;
    struct stat st;
    char line[128];
    (void)unlink(key_path);
    (void)unlink(public_path);
    assert_int_equal(curve_keys_make(key_path, &fault), FAULT_NONE);
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(public_path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_int_equal(strlen(line), 41);
    assert_int_equal(curve_keys_make(key_path, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, key_path));

    closed_sockets();
    strcpy(config.sockets.ask, "tcp://0.0.0.0:*");
    strcpy(config.security.server_key, key_path);
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_NONE);
    assert_true(bus.any_key);
    zmq_bus_close(&bus);
    strcpy(config.security.client_keys, public_path);
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_NONE);
    assert_false(bus.any_key);
    assert_int_equal(bus.keys.n, 1);
    zmq_bus_close(&bus);
}

static void key_files_that_are_none_are_refused_with_their_line(void **state)
{
    (void)state;
    static const char NOT_Z85[] = "secret ||||||||||||||||||||||||||||||||||||||||\n";
    static const char *const KEYS[] = {
        "",
        "public abc\n",
        "secret\n",
        "secret tooshort\n",
        "secret 0123456789012345678901234567890123456789012345678901234567890123456789\n",
        NOT_Z85,
    };
    closed_sockets();
    strcpy(config.security.server_key, list_path);
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        write_text(list_path, KEYS[i]);
        assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
        assert_non_null(strstr(fault.text, list_path));
    }
    strcpy(config.security.server_key, "/nonexistent/key");
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "security.server_key: /nonexistent/key"));

    (void)unlink(key_path);
    (void)unlink(public_path);
    assert_int_equal(curve_keys_make(key_path, &fault), FAULT_NONE);
    strcpy(config.security.server_key, key_path);
    strcpy(config.security.client_keys, list_path);
    write_text(list_path, "# allowed\n\nnot-a-key\n");
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "list:3: not a public key"));
    FILE *f = fopen(list_path, "w");
    assert_non_null(f);
    for (int i = 0; i <= KEY_LIST_MAX; i++) {
        fputs("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\n", f); /* the example of ZeroMQ RFC 32 */
    }
    fclose(f);
    assert_int_equal(zmq_bus_open(&bus, &config, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "list:257: more than 256 keys"));
}

static void closing_what_was_never_opened_does_nothing(void **state)
{
    (void)state;
    memset(&bus, 0, sizeof bus);
    zmq_bus_close(&bus);
    zmq_bus_close(&bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_is_told_from_others),
        cmocka_unit_test(an_address_that_others_reach_needs_keys_or_the_word_insecure),
        cmocka_unit_test(an_endpoint_that_is_none_is_named),
        cmocka_unit_test(a_key_pair_is_made_once_and_readable_by_its_owner_only),
        cmocka_unit_test(key_files_that_are_none_are_refused_with_their_line),
        cmocka_unit_test(closing_what_was_never_opened_does_nothing),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
