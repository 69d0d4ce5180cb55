#define _DEFAULT_SOURCE     /* getloadavg() */
#define _XOPEN_SOURCE   700 /* nftw() */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "model/random.h"

static const char *murid_path = MURID_BIN;

void bench_die(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)fputs("bench: ", stderr);
    (void)vfprintf(stderr, format, values);
    (void)fputc('\n', stderr);
    va_end(values);
    exit(2);
}

static void usage(const char *name, const char *about, const struct bench_option list[], size_t n)
{
    printf("usage: %s [--murid FILE]", name);
    for (size_t i = 0; i < n; i++) {
        printf(list[i].flag != NULL ? " [--%s]" : " [--%s X]", list[i].name);
    }
    printf("\n%s\n", about);
    for (size_t i = 0; i < n; i++) {
        printf("  --%-10s %s\n", list[i].name, list[i].help);
    }
}

void bench_options(int argc, char **argv, const char *about, const struct bench_option list[],
                   size_t n)
{
    for (int i = 1; i < argc; i++) {
        const char *word = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : "";
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        size_t at = 0;
        while (at < n && strcmp(list[at].name, word) != 0) {
            at++;
        }
        char *end = NULL;
        if (at < n && list[at].flag != NULL) {
            *list[at].flag = true;
            continue;
        }
        if (at < n && value != NULL && list[at].text != NULL) {
            *list[at].text = value;
        } else if (at < n && value != NULL && list[at].number != NULL) {
            *list[at].number = strtod(value, &end);
        } else if (strcmp(word, "murid") == 0 && value != NULL) {
            murid_path = value;
        } else {
            usage(argv[0], about, list, n);
            exit(strcmp(word, "help") == 0 ? 0 : 2);
        }
        if (end != NULL && (end == value || *end != '\0' || !(*list[at].number > 0.0))) {
            bench_die("--%s: a number above 0 was expected", word);
        }
        i++;
    }
}

double bench_torch_us(const char *program, const char *format, ...)
{
    char arguments[128];
    char command[1024];
    char line[64] = "";
    va_list values;
    va_start(values, format);
    (void)vsnprintf(arguments, sizeof arguments, format, values);
    va_end(values);
    (void)snprintf(command, sizeof command, "OMP_NUM_THREADS=1 /usr/bin/python3 '%s' %s", program,
                   arguments);
    FILE *from = popen(command, "r");
    if (from == NULL) {
        bench_die("PyTorch's program did not start");
    }
    const bool has_line = fgets(line, sizeof line, from) != NULL;
    const int status = pclose(from);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) { /* no torch */
        return -1.0;
    }
    const double us = strtod(line, NULL);
    if (status != 0 || !has_line || !(us > 0.0)) {
        bench_die("PyTorch's program failed");
    }
    return us;
}

const char *bench_murid(void)
{
    return murid_path;
}

int64_t bench_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void bench_sleep_until(int64_t deadline_ns)
{
    const struct timespec t = {.tv_sec = deadline_ns / 1000000000,
                               .tv_nsec = deadline_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

/* ---- the daemon -------------------------------------------------------------------------------
 */

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) != 0) {
        bench_die("no free port: %s", strerror(errno));
    }
    (void)close(fd);
    return ntohs(a.sin_port);
}

static void config_path(const struct bench_daemon *d, char *path, size_t cap)
{
    (void)snprintf(path, cap, "%s/bench.yaml", d->directory);
}

void bench_daemon_init(struct bench_daemon *d)
{
    const char *parent = getenv("TMPDIR");
    char path[512];
    *d = (struct bench_daemon){0};
    (void)snprintf(d->directory, sizeof d->directory, "%s/murid-bench-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    if (mkdtemp(d->directory) == NULL) {
        bench_die("%s: %s", d->directory, strerror(errno));
    }
    (void)snprintf(d->ask, sizeof d->ask, "tcp://127.0.0.1:%d", free_port());
    (void)snprintf(d->trials, sizeof d->trials, "tcp://127.0.0.1:%d", free_port());
    (void)snprintf(d->journal, sizeof d->journal, "%s/data/journal.sqlite", d->directory);
    config_path(d, path, sizeof path);
    FILE *f = fopen(path, "w");
    if (f == NULL ||
        fprintf(f,
                "data: {directory: %s/data}\n"
                "sockets: {ask: \"%s\", trials: \"%s\", pub: \"tcp://127.0.0.1:%d\"}\n"
                "log: {level: error}\n",
                d->directory, d->ask, d->trials, free_port()) < 0 ||
        fclose(f) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
}

void bench_daemon_configure(const struct bench_daemon *d, const char *yaml)
{
    char path[512];
    config_path(d, path, sizeof path);
    FILE *f = fopen(path, "a");
    if (f == NULL || fputs(yaml, f) < 0 || fclose(f) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
}

void bench_daemon_use_model(const struct bench_daemon *d, const char *model)
{
    char yaml[600];
    (void)snprintf(yaml, sizeof yaml, "model: {file: \"%s\"}\n", model);
    bench_daemon_configure(d, yaml);
}

void bench_daemon_use_net(const struct bench_daemon *d, size_t members)
{
    struct model_file model;
    struct fault fault;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/rnn.safetensors", d->directory);
    bench_model_build(&model);
    if (members > 1) {
        const struct model_file one = model;
        struct model_file many[MODEL_BANK_MAX];
        const char *places[MODEL_BANK_MAX];
        for (size_t i = 0; i < members && i < MODEL_BANK_MAX; i++) {
            many[i] = one;
            places[i] = path;
        }
        if (model_file_join(many, places, members, 0.001, 1.0, NULL, &model, &fault) !=
            FAULT_NONE) {
            bench_die("%s", fault.text);
        }
        model_file_free(&many[0]);
    }
    if (model_file_save(&model, NULL, path, &fault) != FAULT_NONE) {
        bench_die("%s", fault.text);
    }
    model_file_free(&model);
    bench_daemon_use_model(d, path);
}

static void wait_for_answer(const struct bench_daemon *d)
{
    enum { WAIT_MS = 60000 };
    const int wait_ms = WAIT_MS;
    const int again_ms = 2;
    const int no_linger = 0;
    uint8_t bytes[1024];
    proto_message hello;
    proto_message_init(&hello, PROTO_KIND_HELLO);
    strcpy(hello.env.rig, "bench");
    const int n = proto_encode(&hello, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_REQ);
    (void)zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &again_ms, sizeof again_ms);
    (void)zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &no_linger, sizeof no_linger);
    if (zmq_connect(socket, d->ask) != 0 || zmq_send(socket, bytes, (size_t)n, 0) < 0 ||
        zmq_recv(socket, bytes, sizeof bytes, 0) < 0) {
        bench_die("%s did not answer at %s: %s", murid_path, d->ask, zmq_strerror(errno));
    }
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
}

int64_t bench_daemon_start(struct bench_daemon *d)
{
    char path[512];
    config_path(d, path, sizeof path);
    const int64_t start_ns = bench_now_ns();
    d->pid = fork();
    if (d->pid == 0) {
        (void)execl(murid_path, "murid", "run", "-c", path, (char *)NULL);
        bench_die("%s: %s", murid_path, strerror(errno));
    }
    if (d->pid < 0) {
        bench_die("fork: %s", strerror(errno));
    }
    wait_for_answer(d);
    return bench_now_ns() - start_ns;
}

int64_t bench_daemon_stop(struct bench_daemon *d)
{
    int status = 0;
    const int64_t start_ns = bench_now_ns();
    if (kill(d->pid, SIGTERM) != 0 || waitpid(d->pid, &status, 0) != d->pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        bench_die("the daemon did not end well (status %d)", status);
    }
    d->pid = 0;
    return bench_now_ns() - start_ns;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void bench_daemon_remove(struct bench_daemon *d)
{
    (void)nftw(d->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int64_t bench_daemon_rss(const struct bench_daemon *d)
{
    char path[64];
    long pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)d->pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%*s %ld", &pages) != 1) {
        bench_die("%s: cannot be read", path);
    }
    (void)fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* ---- what is sent -----------------------------------------------------------------------------
 */

void bench_trial(proto_message *msg, const char *session, int64_t number)
{
    model_random r;
    model_random_seed(&r, 20240229, (uint64_t)number);
    const double contrast = (double)((int64_t)model_random_below(&r, 9) - 4) / 4.0;
    const int64_t side = contrast > 0.0 || (contrast == 0.0 && model_random_uniform(&r) < 0.5);
    const bool is_correct = model_random_uniform(&r) < 0.75;
    proto_message_init(msg, PROTO_KIND_TRIAL);
    strcpy(msg->env.rig, "bench");
    strcpy(msg->env.subject, "m1");
    strcpy(msg->env.session, session);
    msg->env.trial = number;
    msg->env.seq = number + 1;
    msg->as.trial.stimulus = contrast;
    msg->as.trial.side = side;
    msg->as.trial.choice = is_correct ? side : 1 - side;
    msg->as.trial.reward = is_correct ? 1.0 : 0.0;
    msg->as.trial.rt_s = 0.2 + model_random_uniform(&r);
}

size_t bench_trial_encode(uint8_t *out, size_t cap, const char *session, int64_t number)
{
    proto_message msg;
    bench_trial(&msg, session, number);
    const int n = proto_encode(&msg, PROTO_FORMAT_MSGPACK, out, cap);
    if (n <= 0) {
        bench_die("a trial could not be encoded: %s", proto_strerror(n));
    }
    return (size_t)n;
}

void bench_fill(const struct bench_daemon *d, int64_t first, int64_t trials, int n_subjects,
                bench_progress *progress, void *context)
{
    enum { WINDOW = 128, SESSION = 1000, EVERY = 10000, WAIT_MS = 30000 };
    static uint8_t reply[PROTO_BYTES_MAX];
    const int wait_ms = WAIT_MS;
    void *zmq = zmq_ctx_new();
    void *dealer = zmq_socket(zmq, ZMQ_DEALER);
    (void)zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    if (zmq_connect(dealer, d->ask) != 0) {
        bench_die("%s: %s", d->ask, zmq_strerror(errno));
    }
    int64_t sent = 0;
    for (int64_t answered = 0; answered < trials; answered++) {
        for (; sent < trials && sent - answered < WINDOW; sent++) {
            uint8_t bytes[1024];
            proto_message msg;
            const int64_t session = (first + sent) / SESSION;
            bench_trial(&msg, "s", (first + sent) % SESSION);
            (void)snprintf(msg.env.subject, sizeof msg.env.subject, "m%d",
                           (int)(session % n_subjects) + 1);
            (void)snprintf(msg.env.session, sizeof msg.env.session, "s%lld", (long long)session);
            const int n = proto_encode(&msg, PROTO_FORMAT_MSGPACK, bytes, sizeof bytes);
            if (n <= 0 || zmq_send(dealer, bytes, (size_t)n, 0) < 0) {
                bench_die("a trial could not be sent");
            }
        }
        if (zmq_recv(dealer, reply, sizeof reply, 0) < 0) {
            bench_die("no answer: %s", zmq_strerror(errno));
        }
        if (progress != NULL && (answered + 1) % EVERY == 0) {
            progress(context, first + answered + 1);
        }
    }
    (void)zmq_close(dealer);
    (void)zmq_ctx_term(zmq);
}

int64_t bench_journal_bytes(const struct bench_daemon *d)
{
    char wal[sizeof d->journal + 8];
    struct stat main_file;
    struct stat wal_file;
    (void)snprintf(wal, sizeof wal, "%s-wal", d->journal);
    if (stat(d->journal, &main_file) != 0) {
        bench_die("%s: %s", d->journal, strerror(errno));
    }
    return main_file.st_size + (stat(wal, &wal_file) == 0 ? wal_file.st_size : 0);
}

int64_t bench_journal_query(const struct bench_daemon *d, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    if (sqlite3_open_v2(d->journal, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW) {
        bench_die("%s: %s", d->journal, sqlite3_errmsg(db));
    }
    const int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

enum { UNITS = 32, WEIGHTS = 3, INPUTS = WEIGHTS + MODEL_RULE_INPUTS };

/* PyTorch's default scale: uniform in +-1/sqrt(units). */
static void fill(float values[], size_t n, double scale, model_random *r)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)(scale * (2.0 * model_random_uniform(r) - 1.0));
    }
}

void bench_model_build(struct model_file *out)
{
    static float scale[WEIGHTS], ih[3 * UNITS * INPUTS], hh[3 * UNITS * UNITS], b_ih[3 * UNITS],
        b_hh[3 * UNITS], w0[UNITS * UNITS], b0[UNITS], w1[WEIGHTS * UNITS], b1[WEIGHTS];
    const double s = 1.0 / sqrt(UNITS);
    model_random r;
    model_random_seed(&r, 32, 0);
    fill(scale, WEIGHTS, 0.01, &r);
    fill(ih, sizeof ih / sizeof ih[0], s, &r);
    fill(hh, sizeof hh / sizeof hh[0], s, &r);
    fill(b_ih, sizeof b_ih / sizeof b_ih[0], s, &r);
    fill(b_hh, sizeof b_hh / sizeof b_hh[0], s, &r);
    fill(w0, sizeof w0 / sizeof w0[0], s, &r);
    fill(b0, sizeof b0 / sizeof b0[0], s, &r);
    fill(w1, sizeof w1 / sizeof w1[0], s, &r);
    fill(b1, sizeof b1 / sizeof b1[0], s, &r);
    const model_net_shape shape = {true, INPUTS, UNITS, 1, WEIGHTS};
    const model_net_tensors tensors = {.scale = scale,
                                       .gru_weight_ih = ih,
                                       .gru_weight_hh = hh,
                                       .gru_bias_ih = b_ih,
                                       .gru_bias_hh = b_hh,
                                       .weight = {w0, w1},
                                       .bias = {b0, b1}};
    model_params params;
    struct fault fault;
    (void)model_params_built_in(&params, NULL);
    params.rule.kind = MODEL_RULE_RNN;
    if (model_file_build_net(&params, &shape, &tensors, out, &fault) != FAULT_NONE) {
        bench_die("%s", fault.text);
    }
}

/* ---- figures ----------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void bench_sort(int64_t values[], size_t n)
{
    qsort(values, n, sizeof values[0], compare);
}

int64_t bench_quantile(const int64_t sorted[], size_t n, double q)
{
    const double rank = ceil(q * (double)n);
    const size_t i = rank >= 1.0 ? (size_t)rank - 1 : 0;
    return sorted[i < n ? i : n - 1];
}

int bench_verdict(const char *name, double figure, const char *unit, bool at_most, double required)
{
    const bool is_ok = at_most ? figure <= required : figure >= required;
    printf("%s: %.4g%s%s (required: at %s %g): %s\n", name, figure, unit[0] != '\0' ? " " : "",
           unit, at_most ? "most" : "least", required, is_ok ? "ok" : "NOT MET");
    return is_ok ? 0 : 1;
}

void bench_machine(void)
{
    char model[128] = "unknown processor";
    char line[256];
    double load[1] = {0.0};
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "model name : %127[^\n]", model) == 1) {
            break;
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    (void)getloadavg(load, 1);
    printf("machine: %s, %ld processors, load %.2f\n", model, sysconf(_SC_NPROCESSORS_ONLN),
           load[0]);
}
