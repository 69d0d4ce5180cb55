#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "client.h"
#include "clock.h"
#include "commands.h"
#include "escape.h"
#include "options.h"
#include "progress.h"
#include "table.h"

enum {
    SUBJECTS_MAX = 4096,
    WINDOW_ASAP = 256,     /* messages under way at full speed */
    FIND_DAEMON_MS = 5000, /* how long to look for somebody at the endpoint */
    DURABLE_MS = 30000
};

/* One subject of the table as it is played. */
struct stream {
    char subject[PROTO_ID_MAX + 1];
    char session[PROTO_ID_MAX + 1];
    int64_t seq;
};

struct play {
    const char *path;
    const char *endpoint;
    const char *rig;
    const char *only;       /* subject; NULL: all */
    const char *key;        /* file of our CURVE key pair; NULL: none */
    const char *server_key; /* file of the daemon's public key; NULL: none */
    struct bus_client_keys keys;
    double rate;   /* trials a second; 0: as fast as it goes */
    int64_t limit; /* trials; 0: all */
    void *context;
    struct table table;
    struct client client;
    void *publisher; /* XPUB; NULL: by asking */
    struct progress progress;
    int64_t n_trials, n_sessions, start_ns;
    size_t n_streams;
    struct stream streams[SUBJECTS_MAX];
};

/* ---- finding out who listens ----------------------------------------------------------------- */

static void *open_publisher(void *context, const char *endpoint, const struct bus_client_keys *keys)
{
    const int yes = 1;
    const int forever = -1;
    void *s = zmq_socket(context, ZMQ_XPUB);
    if (s != NULL) {
        (void)zmq_setsockopt(s, ZMQ_XPUB_NODROP, &yes, sizeof yes);
        (void)zmq_setsockopt(s, ZMQ_LINGER, &forever, sizeof forever);
        bus_use_client_keys(s, keys);
        (void)zmq_connect(s, endpoint);
    }
    return s;
}

static void close_now(void *socket)
{
    const int none = 0;
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_close(socket);
}

static void say_hello(void *dealer, const char *rig)
{
    uint8_t bytes[256];
    proto_message hello;
    proto_message_init(&hello, PROTO_KIND_HELLO);
    (void)snprintf(hello.env.rig, sizeof hello.env.rig, "%s", rig);
    strcpy(hello.as.hello.software, "murid play");
    const int n = proto_encode(&hello, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    (void)zmq_send(dealer, bytes, n > 0 ? (size_t)n : 0, ZMQ_DONTWAIT);
}

/* A ROUTER answers a hello, a SUB sends its subscription: whichever comes first says how to play.
 */
static int find_daemon(struct play *play, struct fault *fault)
{
    int rc = bus_check_endpoint("option to", play->endpoint, fault);
    if (rc == FAULT_NONE) {
        rc = client_open(&play->client, play->context, play->endpoint, &play->keys, fault);
    }
    if (rc != FAULT_NONE) {
        return rc;
    }
    play->publisher = open_publisher(play->context, play->endpoint, &play->keys);
    say_hello(play->client.socket, play->rig);
    zmq_pollitem_t items[] = {{.socket = play->client.socket, .events = ZMQ_POLLIN},
                              {.socket = play->publisher, .events = ZMQ_POLLIN}};
    const int64_t until_ns = clock_mono_ns() + (int64_t)FIND_DAEMON_MS * 1000000;
    while (!progress_interrupted() && clock_mono_ns() < until_ns) {
        (void)zmq_poll(items, 2, 100);
        if ((items[1].revents & ZMQ_POLLIN) != 0) {
            client_close(&play->client);
            return FAULT_NONE;
        }
        proto_message reply;
        if ((items[0].revents & ZMQ_POLLIN) != 0 && client_receive(&play->client, 0, &reply) > 0) {
            close_now(play->publisher);
            play->publisher = NULL;
            return FAULT_NONE;
        }
    }
    close_now(play->publisher);
    play->publisher = NULL;
    return fault_set(fault, FAULT_WORK,
                     "%s: nobody answers there: start the daemon with `murid run`, or give its ask "
                     "or trials endpoint with --to",
                     play->endpoint);
}

/* ---- playing --------------------------------------------------------------------------------- */

static struct stream *find_stream(struct play *play, const char *subject)
{
    for (size_t i = play->n_streams; i-- > 0;) {
        if (strcmp(play->streams[i].subject, subject) == 0) {
            return &play->streams[i];
        }
    }
    if (play->n_streams == SUBJECTS_MAX) {
        return NULL;
    }
    struct stream *s = &play->streams[play->n_streams++];
    *s = (struct stream){0};
    strcpy(s->subject, subject);
    return s;
}

static void fill_envelope(const struct play *play, struct stream *s, proto_message *msg)
{
    (void)snprintf(msg->env.rig, sizeof msg->env.rig, "%s", play->rig);
    strcpy(msg->env.subject, s->subject);
    strcpy(msg->env.session, s->session);
    msg->env.seq = ++s->seq;
    msg->env.t_wall_ns = clock_wall_ns();
}

/* The queue is full, or the table is at its end: nothing to do until the disk has more. */
static void wait_for_disk(struct play *play)
{
    proto_message reply;
    client_ask_durable(&play->client, play->rig);
    while (client_receive(&play->client, 10, &reply) > 0 && reply.kind != PROTO_KIND_HELLO) {
    }
    clock_sleep_ns(5000000);
}

static void take_answers(struct play *play, int timeout_ms)
{
    proto_message reply;
    while (client_receive(&play->client, timeout_ms, &reply) > 0) {
        timeout_ms = 0;
    }
}

/* Sends one message, waiting while as many as allowed are under way. */
static int put(struct play *play, const proto_message *msg, struct fault *fault)
{
    if (play->publisher != NULL) {
        uint8_t bytes[CLIENT_MESSAGE_MAX];
        const int n = proto_encode(msg, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
        while (n > 0 && zmq_send(play->publisher, bytes, (size_t)n, 0) < 0) {
            if (progress_interrupted()) {
                return FAULT_WORK;
            }
        }
        return n > 0 ? FAULT_NONE : fault_set(fault, FAULT_WORK, "a trial could not be encoded");
    }
    const uint64_t window = play->rate > 0.0 ? 1 : WINDOW_ASAP;
    while (play->client.waiting >= window || client_queued(&play->client) == CLIENT_QUEUE) {
        if (play->client.waiting == 0) {
            wait_for_disk(play);
        } else {
            take_answers(play, 10);
        }
        if (progress_interrupted()) {
            return FAULT_WORK;
        }
    }
    if (!client_send(&play->client, msg)) {
        return fault_set(fault, FAULT_WORK, "a trial could not be encoded");
    }
    take_answers(play, 0);
    return FAULT_NONE;
}

static int play_start(struct play *play, struct stream *s, const struct table_row *row,
                      struct fault *fault)
{
    proto_message msg;
    strcpy(s->session, row->session);
    s->seq = 0;
    play->n_sessions++;
    if (play->publisher != NULL) {
        return FAULT_NONE; /* sessions are implicit there */
    }
    proto_message_init(&msg, PROTO_KIND_SESSION_START);
    fill_envelope(play, s, &msg);
    strcpy(msg.as.session_start.task, row->task);
    msg.as.session_start.ephys_rig = row->ephys_rig < 0 ? PROTO_NIL : row->ephys_rig;
    msg.as.session_start.delay_s = row->delay_s;
    return put(play, &msg, fault);
}

static void wait_for_turn(const struct play *play)
{
    if (play->rate <= 0.0) {
        return;
    }
    const double due_ns = (double)play->start_ns + (double)play->n_trials / play->rate * 1e9;
    double left_ns;
    while ((left_ns = due_ns - (double)clock_mono_ns()) > 0.0 && !progress_interrupted()) {
        const int64_t nap_ns = left_ns < 1e8 ? (int64_t)left_ns : 100000000;
        clock_sleep_ns(nap_ns);
    }
}

static int play_row(struct play *play, const struct table_row *row, struct fault *fault)
{
    struct stream *s = find_stream(play, row->subject);
    if (s == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: more than %d subjects", play->path, SUBJECTS_MAX);
    }
    if (strcmp(s->session, row->session) != 0) {
        const int rc = play_start(play, s, row, fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
    }
    wait_for_turn(play);
    proto_message msg;
    proto_message_init(&msg, PROTO_KIND_TRIAL);
    fill_envelope(play, s, &msg);
    msg.env.trial = row->trial;
    proto_trial *t = &msg.as.trial;
    t->stimulus = row->stimulus;
    t->choice = row->choice < 0 ? PROTO_NIL : row->choice;
    t->reward = row->reward;
    t->side = row->side < 0 ? PROTO_NIL : row->side;
    t->rt_s = row->rt_s;
    t->repeat = row->repeat < 0 ? PROTO_NIL : row->repeat;
    t->p_left = row->p_left;
    escape_clean(t->stage, sizeof t->stage, row->stage);
    const int rc = put(play, &msg, fault);
    if (rc == FAULT_NONE) {
        play->n_trials++;
    }
    return rc;
}

/* Waits until everything sent was answered and is on disk. */
static int settle(struct play *play, struct fault *fault)
{
    const int64_t until_ns = clock_mono_ns() + (int64_t)DURABLE_MS * 1000000;
    while (client_queued(&play->client) > 0) {
        if (clock_mono_ns() > until_ns) {
            return fault_set(fault, FAULT_WORK,
                             "%s: %" PRIu64 " messages were not confirmed to be on disk",
                             play->endpoint, client_queued(&play->client));
        }
        if (play->client.waiting == 0) {
            wait_for_disk(play);
        } else {
            take_answers(play, 20);
        }
    }
    return FAULT_NONE;
}

static int play_all(struct play *play, struct fault *fault)
{
    struct table_row row;
    int rc = FAULT_NONE;
    int more = 0;
    play->start_ns = clock_mono_ns();
    progress_start(&play->progress, "play", play->limit);
    while (rc == FAULT_NONE && !progress_interrupted() &&
           (play->limit == 0 || play->n_trials < play->limit) &&
           (more = table_next(&play->table, &row, fault)) > 0) {
        if (play->only == NULL || strcmp(play->only, row.subject) == 0) {
            rc = play_row(play, &row, fault);
        }
        if (play->n_trials % 256 == 0) {
            progress_update(&play->progress, play->n_trials);
        }
    }
    progress_finish(&play->progress);
    if (rc == FAULT_NONE && more < 0) {
        rc = FAULT_INPUT;
    }
    const int settled = play->publisher == NULL ? settle(play, fault) : FAULT_NONE;
    return rc != FAULT_NONE ? rc : settled;
}

static void report(const struct play *play)
{
    const double s = (double)(clock_mono_ns() - play->start_ns) / 1e9;
    printf("%" PRId64 " trials of %zu subjects in %" PRId64
           " sessions %s %s: %.2f s, %.0f trials/s\n",
           play->n_trials, play->n_streams, play->n_sessions,
           play->publisher != NULL ? "published to" : "asked at", play->endpoint, s,
           (double)play->n_trials / s);
    if (play->publisher == NULL) {
        printf("%" PRId64 " messages answered, %" PRId64 " refused, %" PRId64
               " sent again; all are on disk\n",
               play->client.answered, play->client.refused, play->client.sent_again);
    }
}

static int play_table(struct play *play)
{
    struct fault fault;
    int rc = table_open(&play->table, play->path, &fault);
    rc = rc ? rc : bus_load_client_keys(&play->keys, play->key, play->server_key, &fault);
    play->context = rc == FAULT_NONE ? zmq_ctx_new() : NULL;
    rc = rc == FAULT_NONE ? find_daemon(play, &fault) : rc;
    rc = rc == FAULT_NONE ? play_all(play, &fault) : rc;
    if (rc == FAULT_NONE) {
        report(play);
        if (play->client.refused > 0) {
            rc = fault_set(&fault, FAULT_WORK, "%" PRId64 " messages were refused, the last: %s",
                           play->client.refused, play->client.refusal);
        }
    }
    if (rc != FAULT_NONE && !progress_interrupted()) {
        (void)fault_report(&fault, rc);
    }
    client_close(&play->client);
    if (play->publisher != NULL) {
        zmq_close(play->publisher);
    }
    if (play->context != NULL) {
        zmq_ctx_term(play->context); /* waits until what was published has left */
    }
    table_close(&play->table);
    return rc;
}

int cmd_play(int argc, char **argv)
{
    struct play *play = calloc(1, sizeof *play);
    bool asap = false;
    if (play == NULL) {
        return FAULT_WORK;
    }
    play->endpoint = "tcp://127.0.0.1:5770";
    play->rig = "play";
    const struct option list[] = {
        {"to", OPTION_TEXT, &play->endpoint, 0, 0, "ENDPOINT",
         "the daemon's ask or trials socket (default tcp://127.0.0.1:5770)", NULL},
        {"rate", OPTION_REAL, &play->rate, 0.001, 1e6, "N", "trials a second (default: 1)", NULL},
        {"asap", OPTION_FLAG, &asap, 0, 0, NULL, "as fast as it goes", NULL},
        {"rig", OPTION_TEXT, &play->rig, 0, 0, "NAME", "what the rig is called (default play)",
         NULL},
        {"subject", OPTION_TEXT, &play->only, 0, 0, "NAME", "play this animal only", NULL},
        {"key", OPTION_TEXT, &play->key, 0, 0, "FILE", "our CURVE key pair, from murid keygen",
         NULL},
        {"server-key", OPTION_TEXT, &play->server_key, 0, 0, "FILE", "the daemon's .pub file",
         NULL},
        {"limit", OPTION_INT, &play->limit, 1, 1e15, "N", "stop after N trials", NULL},
    };
    struct options options = {
        .usage = "play DATA.csv [--to ENDPOINT] [--rate N | --asap]",
        .about =
            "Plays a recorded trial table to the daemon as a live rig would: trial by trial to "
            "its ask socket, keeping each until it is on disk, or published to its trials "
            "socket; which of the two is found out from the endpoint.",
        .list = list,
        .n = sizeof list / sizeof list[0],
        .arguments = &play->path,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int code = 0;
    if (options_read(&options, argc, argv, &code)) {
        if (!proto_id_is_valid(play->rig)) {
            fprintf(stderr, "murid: --rig: \"%s\" is not 1 to 64 of A-Z a-z 0-9 . _ -\n",
                    play->rig);
            code = FAULT_INPUT;
        } else {
            play->rate = asap ? 0.0 : play->rate > 0.0 ? play->rate : 1.0;
            progress_catch_interrupts();
            code = play_table(play);
        }
    }
    free(play);
    return code;
}
