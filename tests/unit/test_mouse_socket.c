/* mouse_socket.h against plain ZeroMQ sockets. */
#include <string.h>
#include <zmq.h>

#include "clock.h"
#include "mouse_socket.h"
#include "suite.h"

enum { WAIT_MS = 20000, ENDPOINT_BYTES = 256 };

static struct mouse_socket mouse;
static struct zmq_bus_request request;
static struct fault fault;
static void *context;

static int set_up(void **state)
{
    (void)state;
    context = zmq_ctx_new();
    return context == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    mouse_socket_close(&mouse);
    return zmq_ctx_term(context);
}

static void *open_rig(int type)
{
    const int wait = WAIT_MS;
    const int none = 0;
    void *s = zmq_socket(context, type);
    assert_non_null(s);
    assert_int_equal(zmq_setsockopt(s, ZMQ_RCVTIMEO, &wait, sizeof wait), 0);
    assert_int_equal(zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none), 0);
    return s;
}

static void await_request(const char *body)
{
    for (int i = 0; i < WAIT_MS && mouse_socket_next(&mouse, &request) == ZMQ_BUS_NONE; i++) {
        clock_sleep_ns(1000000);
    }
    assert_int_equal(request.size, strlen(body));
    assert_memory_equal(request.body, body, request.size);
}

static void await_change(enum mouse_socket_change wanted)
{
    enum mouse_socket_change seen = MOUSE_SOCKET_SAME;
    for (int i = 0; i < WAIT_MS && seen != wanted; i++) {
        seen = mouse_socket_watch(&mouse);
        clock_sleep_ns(1000000);
    }
    assert_int_equal(seen, wanted);
}

/* A rig that listens, and the mouse connected to it. */
static void *connect_to_rig(int type, char endpoint[ENDPOINT_BYTES])
{
    size_t size = ENDPOINT_BYTES;
    void *rig = open_rig(type);
    assert_int_equal(zmq_bind(rig, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(rig, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    assert_int_equal(mouse_socket_connect(&mouse, endpoint, &fault), 0);
    await_change(MOUSE_SOCKET_UP);
    return rig;
}

static void assert_heard(void *rig, const char *body)
{
    char bytes[64];
    const int n = zmq_recv(rig, bytes, sizeof bytes, 0);
    assert_int_equal(n, (int)strlen(body));
    assert_memory_equal(bytes, body, (size_t)n);
}

static void send(const char *body)
{
    mouse_socket_send(&mouse, &request.envelope, (const uint8_t *)body, strlen(body));
}

static void a_bound_one_answers_whoever_asked(void **state)
{
    (void)state;
    assert_int_equal(mouse_socket_bind(&mouse, "tcp://127.0.0.1:*", false, &fault), 0);
    assert_null(strchr(mouse.endpoint, '*'));
    assert_int_equal(mouse_socket_next(&mouse, &request), ZMQ_BUS_NONE);
    void *rigs[] = {open_rig(ZMQ_REQ), open_rig(ZMQ_DEALER)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(zmq_connect(rigs[i], mouse.endpoint), 0);
        assert_int_equal(zmq_send(rigs[i], "shown", 5, 0), 5);
        await_request("shown");
        assert_int_equal(request.envelope.n, i == 0 ? 2 : 1);
        send("left");
        assert_heard(rigs[i], "left");
    }
    assert_int_equal(mouse_socket_watch(&mouse), MOUSE_SOCKET_SAME);
    zmq_close(rigs[0]);
    send("to the dealer again");
    assert_heard(rigs[1], "to the dealer again");
    zmq_close(rigs[1]);
    clock_sleep_ns(50000000);
    send("to nobody");
}

static void a_connected_one_says_when_a_rig_comes_and_goes(void **state)
{
    (void)state;
    char endpoint[ENDPOINT_BYTES];
    void *rig = connect_to_rig(ZMQ_REP, endpoint);
    send("hello");
    assert_heard(rig, "hello");
    assert_int_equal(zmq_send(rig, "shown", 5, 0), 5);
    await_request("shown");
    zmq_close(rig);
    await_change(MOUSE_SOCKET_DOWN);
    send("nobody hears this, not even later");
    rig = open_rig(ZMQ_REP);
    for (int i = 0; i < WAIT_MS && zmq_bind(rig, endpoint) != 0; i++) {
        clock_sleep_ns(1000000);
    }
    await_change(MOUSE_SOCKET_UP);
    send("hello again");
    assert_heard(rig, "hello again");
    zmq_close(rig);
}

/* libzmq looks for news of its connections at every hundredth frame that is received. */
static void a_rig_that_goes_while_its_messages_are_read_costs_none_of_them(void **state)
{
    (void)state;
    enum { N = 80 };
    char endpoint[ENDPOINT_BYTES];
    char id[256];
    void *rig = connect_to_rig(ZMQ_ROUTER, endpoint);
    send("hello");
    const int n = zmq_recv(rig, id, sizeof id, 0);
    assert_true(n > 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(zmq_send(rig, id, (size_t)n, ZMQ_SNDMORE), n);
        assert_int_equal(zmq_send(rig, "", 0, ZMQ_SNDMORE), 0);
        assert_int_equal(zmq_send(rig, "shown", 5, 0), 5);
    }
    zmq_pollitem_t item = {.socket = mouse.socket, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
    clock_sleep_ns(100000000); /* they arrive */
    zmq_close(rig);
    await_change(MOUSE_SOCKET_DOWN);
    clock_sleep_ns(50000000); /* the change is ahead of the news to the socket */
    for (int i = 0; i < N; i++) {
        assert_int_equal(mouse_socket_next(&mouse, &request), ZMQ_BUS_REQUEST);
    }
    assert_int_equal(mouse_socket_next(&mouse, &request), ZMQ_BUS_NONE);
}

static void addresses_beyond_this_machine_are_refused_unless_said_to_be_meant(void **state)
{
    (void)state;
    assert_int_equal(mouse_socket_bind(&mouse, "tcp://0.0.0.0:*", false, &fault), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "--insecure"));
    assert_null(mouse.socket);
    assert_int_equal(mouse_socket_bind(&mouse, "tcp://0.0.0.0:*", true, &fault), FAULT_NONE);
}

static void a_wrong_endpoint_leaves_it_closed(void **state)
{
    (void)state;
    assert_int_equal(mouse_socket_bind(&mouse, "nonsense", true, &fault), FAULT_INPUT);
    assert_null(mouse.socket);
    assert_int_equal(mouse_socket_connect(&mouse, "tcp://", &fault), FAULT_INPUT);
    assert_null(mouse.socket);
    assert_int_equal(strncmp(fault.text, "tcp://: ", 8), 0);
    mouse_socket_close(&mouse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bound_one_answers_whoever_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_connected_one_says_when_a_rig_comes_and_goes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_rig_that_goes_while_its_messages_are_read_costs_none_of_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            addresses_beyond_this_machine_are_refused_unless_said_to_be_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_endpoint_leaves_it_closed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
