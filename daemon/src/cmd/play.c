#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "clock.h"
#include "command.h"
#include "progress.h"
#include "rig_client.h"
#include "runs.h"
#include "text_escape.h"
#include "trial_table.h"

enum {
    WINDOW_ASAP = 256,     /* messages under way at full speed */
    FIND_DAEMON_MS = 5000, /* how long to look for somebody at the endpoint */
    DURABLE_MS = 30000     /* without an answer, or a confirmation at the end, to give up */
};

struct play {
    const char *path;
    const char *endpoint;
    const char *rig;
    const char *only; /* subject; NULL: all */
    struct trial_table_options table_options;
    bool is_asap;
    bool is_pipe;           /* the table can be read only once: it is checked as it is played */
    const char *key;        /* file of our CURVE key pair; NULL: none */
    const char *server_key; /* file of the daemon's public key; NULL: none */
    struct curve_keys_client keys;
    double rate;        /* trials per second; 0: as fast as possible */
    int64_t limit;      /* trials; 0: all */
    int64_t written_ns; /* wall clock, when the table was written; PROTO_NIL unknown */
    void *context;
    struct trial_table table;
    struct rig_client client;
    void *publisher; /* XPUB; NULL: by asking */
    struct progress progress;
    struct runs runs;
    int64_t n_trials, n_repeated, start_ns;
};

static void *open_publisher(void *context, const char *endpoint,
                            const struct curve_keys_client *keys)
{
    const int yes = 1;
    const int forever = -1;
    void *s = zmq_socket(context, ZMQ_XPUB);
    if (s != NULL) {
        (void)zmq_setsockopt(s, ZMQ_XPUB_NODROP, &yes, sizeof yes);
        (void)zmq_setsockopt(s, ZMQ_LINGER, &forever, sizeof forever);
        curve_keys_use(s, keys);
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
    int rc = rig_client_open(&play->client, play->context, play->endpoint, &play->keys, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    play->publisher = open_publisher(play->context, play->endpoint, &play->keys);
    uint64_t greeted = 0; /* the connection that a hello was said on */
    const int64_t until_ns = clock_mono_ns() + (int64_t)FIND_DAEMON_MS * 1000000;
    bool is_found = false;
    while (!is_found && !progress_interrupted() && clock_mono_ns() < until_ns) {
        if (play->client.n_links != greeted) {
            say_hello(play->client.socket, play->rig);
            greeted = play->client.n_links;
        }
        zmq_pollitem_t item = {.socket = play->publisher, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 0) > 0) {
            rig_client_close(&play->client);
            return FAULT_NONE;
        }
        proto_message reply;
        is_found = rig_client_receive(&play->client, 10, &reply) == RIG_CLIENT_HELLO;
    }
    close_now(play->publisher);
    play->publisher = NULL;
    return is_found ? FAULT_NONE
                    : fault_set(fault, FAULT_WORK,
                                "%s: nobody answers there: start the daemon with `murid run`, or "
                                "give its ask or trials endpoint with --to",
                                play->endpoint);
}

static void fill_envelope(const struct play *play, struct run *run, proto_message *msg)
{
    (void)snprintf(msg->env.rig, sizeof msg->env.rig, "%s", play->rig);
    strcpy(msg->env.subject, run->subject);
    strcpy(msg->env.session, run->session);
    msg->env.run = run->is_stated ? run->number : PROTO_NIL;
    msg->env.seq = ++run->seq;
}

/* Takes all that is there, waiting up to timeout_ms for the first. True if an answer was. */
static bool take_answers(struct play *play, int timeout_ms)
{
    proto_message reply;
    bool was_answered = false;
    enum rig_client_event event;
    while ((event = rig_client_receive(&play->client, timeout_ms, &reply)) != RIG_CLIENT_SILENCE) {
        was_answered = was_answered || event == RIG_CLIENT_ANSWER;
        timeout_ms = 0;
    }
    return was_answered;
}

/* The queue is full, or the table is at its end: nothing to do until the disk has more. */
static void wait_for_disk(struct play *play)
{
    rig_client_ask_durable(&play->client);
    (void)take_answers(play, 10);
    clock_sleep_ns(5000000);
}

/* Lets messages under way and kept come below what is allowed. */
static int wait_for_answers(struct play *play, uint64_t window, struct fault *fault)
{
    int64_t until_ns = clock_mono_ns() + (int64_t)DURABLE_MS * 1000000;
    while (play->client.waiting >= window || rig_client_queued(&play->client) == RIG_CLIENT_QUEUE) {
        const uint64_t queued = rig_client_queued(&play->client);
        bool is_going_on = take_answers(play, 10);
        if (queued == RIG_CLIENT_QUEUE) {
            wait_for_disk(play);
            is_going_on = is_going_on || rig_client_queued(&play->client) < queued;
        }
        if (is_going_on) {
            until_ns = clock_mono_ns() + (int64_t)DURABLE_MS * 1000000;
        }
        if (progress_interrupted()) {
            return FAULT_WORK;
        }
        if (clock_mono_ns() > until_ns) {
            return fault_set(fault, FAULT_WORK, "%s: no answer for %d s", play->endpoint,
                             DURABLE_MS / 1000);
        }
    }
    return FAULT_NONE;
}

/* Sends one message, waiting while as many as allowed are under way. */
static int put(struct play *play, const proto_message *msg, struct fault *fault)
{
    if (play->publisher != NULL) {
        uint8_t bytes[RIG_CLIENT_MESSAGE_MAX];
        const int n = proto_encode(msg, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
        while (n > 0 && zmq_send(play->publisher, bytes, (size_t)n, 0) < 0) {
            if (progress_interrupted()) {
                return FAULT_WORK;
            }
        }
        return n > 0 ? FAULT_NONE : fault_set(fault, FAULT_WORK, "a trial could not be encoded");
    }
    const int rc = wait_for_answers(play, play->rate > 0.0 ? 1 : WINDOW_ASAP, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (!rig_client_send(&play->client, msg)) {
        return fault_set(fault, FAULT_WORK, "a trial could not be encoded");
    }
    (void)take_answers(play, 0);
    return FAULT_NONE;
}

static int play_start(struct play *play, struct run *run, const struct trial_row *row,
                      struct fault *fault)
{
    proto_message msg;
    if (play->publisher != NULL) {
        return FAULT_NONE; /* sessions are implicit there */
    }
    proto_message_init(&msg, PROTO_KIND_SESSION_START);
    fill_envelope(play, run, &msg);
    msg.env.t_wall_ns = play->written_ns; /* another table is another run, the same one is not */
    strcpy(msg.as.session_start.task, row->task);
    msg.as.session_start.ephys_rig = row->ephys_rig < 0 ? PROTO_NIL : row->ephys_rig;
    msg.as.session_start.delay_s = row->delay_s;
    text_escape_clean(msg.as.session_start.software, sizeof msg.as.session_start.software,
                      row->software);
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

/* Of a pipe, what is certain already; a file was checked before. */
static int check_row(struct play *play, struct fault *fault)
{
    return play->is_pipe && play->table_options.is_strict && trial_table_is_doubted(&play->table)
               ? trial_table_report(&play->table, fault)
               : FAULT_NONE;
}

static int play_row(struct play *play, const struct trial_row *row, struct fault *fault)
{
    bool is_new;
    struct run *run = runs_find(&play->runs, row, &is_new);
    if (run == NULL) {
        return fault_set(fault, FAULT_WORK, "%s:%" PRId64 ": no memory for so many sessions",
                         play->path, play->table.line);
    }
    if (is_new) {
        const int rc = play_start(play, run, row, fault);
        if (rc != FAULT_NONE) {
            return rc;
        }
    } else if (run_has_row(run, row)) {
        play->n_repeated++;
        return FAULT_NONE;
    }
    run_note_row(run, row);
    wait_for_turn(play);
    proto_message msg;
    proto_message_init(&msg, PROTO_KIND_TRIAL);
    fill_envelope(play, run, &msg);
    msg.env.trial = row->trial;
    proto_trial *t = &msg.as.trial;
    t->stimulus = row->stimulus;
    t->choice = row->choice < 0 ? PROTO_NIL : row->choice;
    t->reward = row->reward;
    t->side = row->side < 0 ? PROTO_NIL : row->side;
    t->rt_s = row->rt_s;
    t->repeat = row->repeat < 0 ? PROTO_NIL : row->repeat;
    t->p_left = row->p_left;
    text_escape_clean(t->stage, sizeof t->stage, row->stage);
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
    while (rig_client_queued(&play->client) > 0) {
        if (clock_mono_ns() > until_ns || progress_interrupted()) {
            return fault_set(fault, FAULT_WORK,
                             "%s: %" PRId64 " trials were not confirmed to be on disk",
                             play->endpoint, rig_client_queued_trials(&play->client));
        }
        wait_for_disk(play);
    }
    return FAULT_NONE;
}

static int play_all(struct play *play, struct fault *fault)
{
    struct trial_row row;
    int rc = FAULT_NONE;
    int more = 0;
    play->start_ns = clock_mono_ns();
    progress_start(&play->progress, "play", play->limit);
    while (rc == FAULT_NONE && !progress_interrupted() &&
           (play->limit == 0 || play->n_trials < play->limit) &&
           (more = trial_table_next(&play->table, &row, fault)) > 0) {
        const bool is_wanted = play->only == NULL || strcmp(play->only, row.subject) == 0;
        rc = check_row(play, fault);
        rc = rc == FAULT_NONE && is_wanted ? play_row(play, &row, fault) : rc;
        if (play->n_trials % 256 == 0) {
            progress_update(&play->progress, play->n_trials);
        }
    }
    progress_finish(&play->progress);
    if (rc == FAULT_NONE && more < 0) {
        rc = FAULT_INPUT;
    }
    if (rc == FAULT_NONE && more == 0 && play->n_trials == 0 && !progress_interrupted()) {
        rc = trial_table_none(&play->table, play->only, fault);
    }
    const int settled = play->publisher == NULL ? settle(play, fault) : FAULT_NONE;
    return rc != FAULT_NONE ? rc : settled;
}

static void report_counts(const struct play *play)
{
    const struct rig_client_counts *n = &play->client.counts;
    printf("%" PRId64 " trials are on disk, %" PRId64 " were refused, %" PRId64
           " are not confirmed; %" PRId64 " messages resent\n",
           n->trials, n->refused_trials, rig_client_queued_trials(&play->client), n->sent_again);
    for (int i = 0; i <= PROTO_ERROR_COUNT; i++) {
        if (n->refused[i] > 0) {
            printf("refused as %s: %" PRId64 "\n",
                   i < PROTO_ERROR_COUNT ? proto_error_name((proto_error_code)i) : "unknown",
                   n->refused[i]);
        }
    }
}

static void report(const struct play *play)
{
    const double s = (double)(clock_mono_ns() - play->start_ns) / 1e9;
    printf("%" PRId64 " trials of %zu subjects in %zu sessions %s %s: %.2f s, %.0f trials/s\n",
           play->n_trials, play->runs.n_subjects, play->runs.n,
           play->publisher != NULL ? "published to" : "asked at", play->endpoint, s,
           (double)play->n_trials / s);
    if (play->runs.n_again > 0) {
        printf("%zu sessions restart under their name: played as runs 2, 3, ...\n",
               play->runs.n_again);
    }
    if (play->n_repeated > 0) {
        printf("%" PRId64 " rows appear twice in the table: played once\n", play->n_repeated);
    }
    if (play->publisher == NULL) {
        report_counts(play);
    }
}

/* FAULT_NONE only if the daemon said of every trial that it is on disk. */
static int judge(const struct play *play, struct fault *fault)
{
    const struct rig_client_counts *n = &play->client.counts;
    if (play->publisher != NULL) {
        return FAULT_NONE; /* nobody answers there */
    }
    if (n->refused_trials + n->refused_others > 0) {
        return fault_set(fault, FAULT_WORK, "%" PRId64 " messages were refused, the last: %s",
                         n->refused_trials + n->refused_others, play->client.refusal);
    }
    if (n->trials != play->n_trials) {
        return fault_set(fault, FAULT_WORK,
                         "%" PRId64 " of %" PRId64 " trials were not confirmed to be on disk",
                         play->n_trials - n->trials, play->n_trials);
    }
    return FAULT_NONE;
}

static int ignore_row(void *context, const struct trial_table *table, const struct trial_row *row,
                      struct fault *fault)
{
    (void)context;
    (void)table;
    (void)row;
    (void)fault;
    return FAULT_NONE;
}

/* Opens the table; a file is read through first, so that nothing is played of a wrong one. */
static int open_table(struct play *play, struct fault *fault)
{
    struct stat table;
    const struct trial_table_how how = trial_table_how(&play->table_options);
    play->is_pipe =
        stat(play->path, &table) != 0 || (!S_ISREG(table.st_mode) && !S_ISDIR(table.st_mode));
    play->written_ns = play->is_pipe
                           ? PROTO_NIL
                           : table.st_mtim.tv_sec * (int64_t)1000000000 + table.st_mtim.tv_nsec;
    const int rc = play->is_pipe ? FAULT_NONE
                                 : trial_table_read(play->path, "reading", play->only, how,
                                                    ignore_row, NULL, fault);
    return rc ? rc
              : trial_table_open(&play->table, play->path,
                                 play->is_pipe ? how : trial_table_quietly(how), fault);
}

static int work(void *request, struct fault *fault)
{
    struct play *play = request;
    if (!proto_id_is_valid(play->rig)) {
        return fault_set(fault, FAULT_INPUT,
                         "--rig: \"%.64s\" is not a name: 1 to 64 of A-Z a-z 0-9 . _ -", play->rig);
    }
    play->rate = play->is_asap ? 0.0 : play->rate;
    progress_catch_interrupts();
    int rc = open_table(play, fault);
    rc = rc ? rc : curve_keys_load_client(&play->keys, play->key, play->server_key, fault);
    play->context = rc == FAULT_NONE ? zmq_ctx_new() : NULL;
    rc = rc == FAULT_NONE ? find_daemon(play, fault) : rc;
    if (rc == FAULT_NONE) {
        rc = play_all(play, fault);
        report(play);
        rc = rc == FAULT_NONE ? judge(play, fault) : rc;
    }
    if (rc != FAULT_NONE && progress_interrupted()) {
        rc = fault_set(fault, FAULT_WORK, "interrupted");
    }
    rig_client_close(&play->client);
    runs_close(&play->runs);
    if (play->publisher != NULL) {
        zmq_close(play->publisher);
    }
    if (play->context != NULL) {
        zmq_ctx_term(play->context); /* waits until what was published has left */
    }
    trial_table_close(&play->table);
    return rc;
}

int cmd_play(int argc, char **argv)
{
    struct play *play = command_request(sizeof *play);
    if (play == NULL) {
        return FAULT_WORK;
    }
    play->endpoint = "tcp://127.0.0.1:5770";
    play->rig = "play";
    play->rate = 1.0;
    const struct option list[] = {
        {"to", OPTION_ENDPOINT, &play->endpoint, 0, 0, "ENDPOINT",
         "the daemon's ask or trials socket", NULL},
        {"rate", OPTION_REAL, &play->rate, 0.001, 1e6, "N", "trials per second", NULL},
        {"asap", OPTION_FLAG, &play->is_asap, 0, 0, NULL, "as fast as possible", NULL},
        {"rig", OPTION_TEXT, &play->rig, 0, 0, "NAME", "name of the rig", NULL},
        COMMAND_SUBJECT(&play->only),
        TRIAL_TABLE_OPTIONS(play->table_options),
        COMMAND_KEYS(&play->key, &play->server_key),
        {"limit", OPTION_INT, &play->limit, 1, 1e15, "N", "stop after N trials", NULL},
    };
    static const struct option_rule rules[] = {{"rate", OPTION_EXCLUDES, "asap"},
                                               {"key", OPTION_NEEDS, "server-key"},
                                               {"server-key", OPTION_NEEDS, "key"}};
    struct options options = {
        .usage = "play DATA [--to ENDPOINT] [--rate N | --asap]",
        .about = "Plays a recorded trial table to the daemon as a live rig would: trial by trial "
                 "to its ask socket, keeping each until it is on disk, or published to its trials "
                 "socket; the endpoint determines which.",
        COMMAND_OPTIONS(list),
        COMMAND_RULES(rules),
        COMMAND_FILE(&play->path),
    };
    const int code = command_run(&options, argc, argv, work, play);
    free(play);
    return code;
}
