#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <zmq.h>

#include "clock.h"
#include "command.h"
#include "curve_keys.h"
#include "keyboard.h"
#include "progress.h"
#include "watch_views.h"
#include "zmq_bus.h"

enum { REDRAW_MS = 50 };

static const char ENTER_SCREEN[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
static const char LEAVE_SCREEN[] = "\x1b[?25h\x1b[?1049l";

struct watch {
    void *context;
    void *socket;
    bool terminal;
    bool colour;
    const char *endpoint, *subject, *key, *server_key;
    int64_t n_trials;      /* shown */
    int64_t trials_wanted; /* 0: no end */
    double idle_s;         /* 0: no end */
    int64_t heard_ns;      /* monotonic time of the last trial or prediction */
    int64_t drawn_ns;
    bool is_stale; /* the screen shows less than what is known */
    bool is_told;  /* that the daemon is silent; where there is no page */
    bool is_ended; /* by a key */
    int64_t n_bad;
    struct watch_views views;
    struct keyboard keyboard;
    struct cell_canvas canvas;
    proto_message message;
    char text[CELL_CANVAS_TEXT_MAX];
};

static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(STDOUT_FILENO, text, size);
        if (n < 0 && errno != EINTR) {
            return;
        }
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
}

static void draw(struct watch *w, int64_t now_ns)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        size.ws_col = 80;
        size.ws_row = 24;
    }
    cell_canvas_init(&w->canvas, size.ws_col, size.ws_row);
    watch_views_draw(&w->views, w->endpoint, w->keyboard.is_open, now_ns, &w->canvas);
    const size_t n = cell_canvas_text(&w->canvas, w->colour, "\x1b[K\r\n", w->text);
    write_all("\x1b[H", 3);
    /* Without its last line end the page can not scroll. */
    write_all(w->text, n >= 2 ? n - 2 : n);
    write_all("\x1b[J", 3);
    w->drawn_ns = now_ns;
    w->is_stale = false;
}

/* Receives one message of two frames. 1: it is in w->message, 0: none is waiting, -1: no good. */
static int receive(struct watch *w)
{
    uint8_t body[PROTO_BYTES_MAX];
    char topic[4 * PROTO_ID_MAX];
    int size = zmq_recv(w->socket, topic, sizeof topic, ZMQ_DONTWAIT);
    if (size < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    bool is_whole = size < (int)sizeof topic;
    int parts = 1;
    int more = 0;
    size_t option_size = sizeof more;
    while (zmq_getsockopt(w->socket, ZMQ_RCVMORE, &more, &option_size) == 0 && more != 0) {
        const int n = zmq_recv(w->socket, body, sizeof body, ZMQ_DONTWAIT);
        size = ++parts == 2 ? n : size;
        is_whole = is_whole && n >= 0 && n <= (int)sizeof body;
    }
    proto_fault fault;
    if (!is_whole || parts != 2 ||
        proto_decode(body, (size_t)size, &w->message, &fault) != PROTO_OK) {
        w->n_bad++;
        return -1;
    }
    return 1;
}

/* Said of the animal shown, or of none. */
static bool is_of(const struct watch_view *shown, const proto_message *msg)
{
    return msg->env.subject[0] == '\0' || strcmp(shown->subject, msg->env.subject) == 0;
}

static void take(struct watch *w, int64_t now_ns)
{
    const bool is_trial = watch_views_take(&w->views, &w->message, now_ns);
    const struct watch_view *shown = watch_views_shown(&w->views);
    w->n_trials += is_trial;
    w->is_stale = true;
    if (w->message.kind != PROTO_KIND_STATUS) {
        w->heard_ns = now_ns;
    }
    if (w->terminal) {
        return;
    }
    const enum watch_view_ahead ahead = watch_view_ahead_of(w->message.kind);
    if (is_trial) {
        printf("%s\n", watch_view_line(shown, w->text, sizeof w->text));
        fflush(stdout);
    } else if (w->message.kind == PROTO_KIND_ALERT && is_of(shown, &w->message)) {
        printf("alert %s: %s\n", shown->alert.code, shown->alert.text);
        fflush(stdout);
    } else if (ahead != WATCH_VIEW_AHEADS && is_of(shown, &w->message) &&
               watch_view_ahead_line(shown, ahead, w->text, sizeof w->text) != NULL) {
        printf("%s %s: %s\n", shown->subject, watch_view_ahead_name(ahead), w->text);
        fflush(stdout);
    }
}

/* Where there is no page: once when the daemon falls silent, and once when it speaks again. */
static void tell_silence(struct watch *w, int64_t now_ns)
{
    char silence[WATCH_VIEWS_SILENCE_MAX];
    const bool is_silent = watch_views_silence(&w->views, w->endpoint, now_ns, silence)[0] != '\0';
    if (is_silent && !w->is_told) {
        fprintf(stderr, "murid: %s\n", silence);
    } else if (!is_silent && w->is_told) {
        fprintf(stderr, "murid: the daemon is back\n");
    }
    w->is_told = is_silent;
}

static void serve_keys(struct watch *w)
{
    char key = keyboard_read(&w->keyboard);
    if (key == 0) { /* something was to be read, and was not: the terminal is gone */
        keyboard_close(&w->keyboard);
    }
    for (; key != 0; key = keyboard_read(&w->keyboard)) {
        w->is_ended = !watch_views_press(&w->views, key) || w->is_ended;
        w->is_stale = true;
    }
}

static bool is_over(const struct watch *w, int64_t now_ns)
{
    return w->is_ended || progress_interrupted() ||
           (w->trials_wanted > 0 && w->n_trials >= w->trials_wanted) ||
           (w->idle_s > 0.0 && (double)(now_ns - w->heard_ns) > w->idle_s * 1e9);
}

static void follow(struct watch *w)
{
    int64_t now_ns = clock_mono_ns();
    w->heard_ns = now_ns;
    w->is_stale = true;
    while (!is_over(w, now_ns)) {
        zmq_pollitem_t items[] = {{.socket = w->socket, .events = ZMQ_POLLIN},
                                  {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
        (void)zmq_poll(items, w->keyboard.is_open ? 2 : 1, REDRAW_MS);
        now_ns = clock_mono_ns();
        if (items[1].revents != 0) {
            serve_keys(w);
        }
        /* What a burst brings is shown at the pace of the screen. */
        for (int i = 0; i < 1000 && !is_over(w, now_ns); i++) {
            const int got = receive(w);
            if (got == 0) {
                break;
            }
            if (got > 0) {
                take(w, now_ns);
            }
        }
        if (!w->terminal) {
            tell_silence(w, now_ns);
        }
        const int64_t age_ns = now_ns - w->drawn_ns;
        if (w->terminal && ((w->is_stale && age_ns > REDRAW_MS * INT64_C(1000000)) ||
                            age_ns > INT64_C(500000000))) {
            draw(w, now_ns);
        }
    }
}

static int connect_to(struct watch *w, const struct curve_keys_client *keys, struct fault *fault)
{
    w->context = zmq_ctx_new();
    w->socket = w->context != NULL ? zmq_socket(w->context, ZMQ_SUB) : NULL;
    if (w->socket == NULL) {
        return fault_set(fault, FAULT_WORK, "no ZeroMQ socket: %s", zmq_strerror(errno));
    }
    const int64_t largest = PROTO_BYTES_MAX;
    const int high_water = 100000;
    const int linger = 0;
    (void)zmq_setsockopt(w->socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    (void)zmq_setsockopt(w->socket, ZMQ_RCVHWM, &high_water, sizeof high_water);
    (void)zmq_setsockopt(w->socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(w->socket, ZMQ_SUBSCRIBE, "murid/1/", 8);
    curve_keys_use(w->socket, keys);
    if (zmq_connect(w->socket, w->endpoint) != 0) {
        return fault_set(
            fault, FAULT_INPUT,
            "--connect: \"%.100s\": %s; an endpoint like tcp://127.0.0.1:5771 was expected",
            w->endpoint, zmq_strerror(errno));
    }
    return FAULT_NONE;
}

static void disconnect(struct watch *w)
{
    if (w->socket != NULL) {
        zmq_close(w->socket);
    }
    if (w->context != NULL) {
        zmq_ctx_term(w->context);
    }
}

static int watch(struct watch *w, const struct curve_keys_client *keys, struct fault *fault)
{
    const int rc = connect_to(w, keys, fault);
    if (rc == FAULT_NONE) {
        progress_catch_interrupts();
        if (w->terminal) {
            keyboard_open(&w->keyboard);
            write_all(ENTER_SCREEN, sizeof ENTER_SCREEN - 1);
        }
        follow(w);
        if (w->terminal) {
            write_all(LEAVE_SCREEN, sizeof LEAVE_SCREEN - 1);
            keyboard_close(&w->keyboard);
        }
        printf("%s\n", watch_view_summary(watch_views_shown(&w->views), w->text, sizeof w->text));
        if (w->n_bad > 0) {
            fprintf(stderr, "murid: %lld published messages could not be read\n",
                    (long long)w->n_bad);
        }
    }
    disconnect(w);
    return rc;
}

static int work(void *view, struct fault *fault)
{
    struct watch *w = view;
    const char *no_colour = getenv("NO_COLOR");
    struct curve_keys_client keys;
    if (w->subject != NULL && !proto_id_is_valid(w->subject)) {
        return fault_set(fault, FAULT_INPUT,
                         "--subject: \"%.64s\" is not a name: 1 to 64 of A-Z a-z 0-9 . _ -",
                         w->subject);
    }
    int rc = curve_keys_load_client(&keys, w->key, w->server_key, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    w->terminal = isatty(STDOUT_FILENO) == 1;
    w->colour = no_colour == NULL || no_colour[0] == '\0';
    rc = watch_views_open(&w->views, w->subject, clock_mono_ns()) == 0
             ? watch(w, &keys, fault)
             : fault_set(fault, FAULT_WORK, "no memory");
    watch_views_close(&w->views);
    return rc;
}

int cmd_watch(int argc, char **argv)
{
    struct watch *w = command_request(sizeof *w);
    if (w == NULL) {
        return FAULT_WORK;
    }
    w->endpoint = "tcp://127.0.0.1:5771";
    const struct option list[] = {
        {"connect", OPTION_ENDPOINT, &w->endpoint, 0, 0, "ENDPOINT", "where the daemon publishes",
         NULL},
        {"subject", OPTION_TEXT, &w->subject, 0, 0, "NAME",
         "the animal (default the one now playing)", NULL},
        COMMAND_KEYS(&w->key, &w->server_key),
        {"for", OPTION_INT, &w->trials_wanted, 1, 1000000000, "N", "end after N trials", NULL},
        {"until-idle", OPTION_REAL, &w->idle_s, 0.1, 1e6, "SECONDS",
         "end after this time without a message", NULL},
    };
    static const struct option_rule rules[] = {{"key", OPTION_NEEDS, "server-key"},
                                               {"server-key", OPTION_NEEDS, "key"}};
    struct options options = {
        .usage = "watch [--connect ENDPOINT] [--subject NAME] [options]",
        .about = "Follows one animal live: stimulus, predicted p(right), choice, the twin's score "
                 "against a random walk and chance, its weights, psychometric and learning curve; "
                 "its training status, the last forecast and the last advice once there are any. "
                 "On a terminal a page that is redrawn, with keys: n shows the next animal, p the "
                 "previous one, f follows the animal now playing, q or Ctrl-C ends it; elsewhere "
                 "one plain line a trial. It says when the daemon falls silent. NO_COLOR in the "
                 "environment is honoured.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules)};
    const int code = command_run(&options, argc, argv, work, w);
    free(w);
    return code;
}
