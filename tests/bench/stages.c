/* Where a trial's time goes inside the daemon: decode, assimilate, predict for 11 stimuli with the
 * rule rnn of 32 units, with a bank of 12 of them, and with an audit, as the daemon stamps and
 * journals them itself; and one step of the net against the same formulas as plain loops. */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench.h"
#include "net_kernel.h"

enum { STAGES = 4, UNITS = 32, NET_STEPS = 200000, BANK = 12 };

/* Sends the trials, one every period, and waits for each answer. */
static void play(const struct bench_daemon *d, int64_t trials, int64_t period_ns)
{
    static uint8_t reply[PROTO_BYTES_MAX];
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_REQ);
    const int wait_ms = 5000;
    (void)zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    if (zmq_connect(socket, d->ask) != 0) {
        bench_die("%s: %s", d->ask, zmq_strerror(zmq_errno()));
    }
    int64_t deadline_ns = bench_now_ns();
    for (int64_t i = 0; i < trials; i++) {
        uint8_t request[1024];
        const size_t size = bench_trial_encode(request, sizeof request, "stages", i);
        bench_sleep_until(deadline_ns += period_ns);
        if (zmq_send(socket, request, size, 0) < 0 ||
            zmq_recv(socket, reply, sizeof reply, 0) < 0) {
            bench_die("no answer: %s", zmq_strerror(zmq_errno()));
        }
    }
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
}

/* Reads the stage times of all predictions for 11 stimuli: decode, assimilate, predict, their sum.
 * Returns how many there were. */
static size_t read_stages(const struct bench_daemon *d, int64_t *stage_ns[STAGES], size_t cap)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    size_t n = 0;
    if (sqlite3_open_v2(d->journal, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db,
                           "SELECT decode_us, assimilate_us, predict_us FROM prediction"
                           " JOIN event ON event.id = prediction.event"
                           " WHERE kind = 'trial' AND length(stimuli) = 88",
                           -1, &s, NULL) != SQLITE_OK) {
        bench_die("%s: %s", d->journal, sqlite3_errmsg(db));
    }
    while (n < cap && sqlite3_step(s) == SQLITE_ROW) {
        stage_ns[3][n] = 0;
        for (int i = 0; i < 3; i++) {
            stage_ns[i][n] = llround(1000.0 * sqlite3_column_double(s, i));
            stage_ns[3][n] += stage_ns[i][n];
        }
        n++;
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

/* members: 0 the built-in random walk, 1 an rnn, more: a bank of so many. protocol: NULL for none.
 */
static double measure(int64_t trials, double rate, size_t members, const char *protocol)
{
    static const char *const NAMES[] = {"decode", "assimilate", "predict", "sum"};
    int64_t *stage_ns[STAGES];
    struct bench_daemon d;
    bench_daemon_init(&d);
    if (members > 0) {
        bench_daemon_use_net(&d, members);
    }
    if (protocol != NULL) {
        char yaml[600];
        (void)snprintf(yaml, sizeof yaml, "protocol: {file: \"%s\"}\n", protocol);
        bench_daemon_configure(&d, yaml);
    }
    (void)bench_daemon_start(&d);
    play(&d, trials, (int64_t)(1e9 / rate));
    (void)bench_daemon_stop(&d);
    for (int i = 0; i < STAGES; i++) {
        stage_ns[i] = calloc((size_t)trials, sizeof(int64_t));
        if (stage_ns[i] == NULL) {
            bench_die("out of memory");
        }
    }
    const size_t n = read_stages(&d, stage_ns, (size_t)trials);
    if (n != (size_t)trials) {
        bench_die("%zu of %lld predictions are in the journal", n, (long long)trials);
    }
    bench_daemon_remove(&d);
    printf("%zu trials at %g/s, 11 stimuli, ", n, rate);
    if (members > 0) {
        printf("%zu of rnn with 32 units; us\n", members);
    } else {
        printf("built-in random walk%s; us\n", protocol != NULL ? ", audited" : "");
    }
    printf("%-12s %8s %8s %8s\n", "", "50 %", "90 %", "99 %");
    double median_us = 0.0;
    for (int i = 0; i < STAGES; i++) {
        bench_sort(stage_ns[i], n);
        median_us = (double)bench_quantile(stage_ns[i], n, 0.5) / 1000.0;
        printf("%-12s %8.2f %8.2f %8.2f\n", NAMES[i], median_us,
               (double)bench_quantile(stage_ns[i], n, 0.9) / 1000.0,
               (double)bench_quantile(stage_ns[i], n, 0.99) / 1000.0);
        free(stage_ns[i]);
    }
    return median_us;
}

/* ---- the net ----------------------------------------------------------------------------------
 */

static void plain_linear(const float *w, const float *b, size_t n_out, size_t n_in, const float *in,
                         float *out)
{
    for (size_t i = 0; i < n_out; i++) {
        float sum = b[i];
        for (size_t j = 0; j < n_in; j++) {
            sum += w[i * n_in + j] * in[j];
        }
        out[i] = sum;
    }
}

static float plain_sigmoid(float a)
{
    return 1.0F / (1.0F + expf(-a));
}

/* GRU and MLP as docs/model.md writes them. */
static void plain_step(const model_net_tensors *t, const model_net_shape *shape, const float in[],
                       float h[], float out[])
{
    float x[3 * UNITS];
    float y[3 * UNITS];
    const size_t n = shape->n_hidden;
    plain_linear(t->gru_weight_ih, t->gru_bias_ih, 3 * n, shape->n_inputs, in, x);
    plain_linear(t->gru_weight_hh, t->gru_bias_hh, 3 * n, n, h, y);
    for (size_t i = 0; i < n; i++) {
        const float r = plain_sigmoid(x[i] + y[i]);
        const float z = plain_sigmoid(x[n + i] + y[n + i]);
        const float c = tanhf(x[2 * n + i] + r * y[2 * n + i]);
        h[i] = (1.0F - z) * c + z * h[i];
    }
    plain_linear(t->weight[0], t->bias[0], n, n, h, x);
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] > 0.0F ? x[i] : 0.0F;
    }
    plain_linear(t->weight[1], t->bias[1], shape->n_outputs, n, x, out);
    for (size_t i = 0; i < shape->n_outputs; i++) {
        out[i] *= t->scale[i];
    }
}

static void compare_kernels(void)
{
    struct model_file model;
    float in[MODEL_NET_INPUTS_MAX] = {0.5F, 0.1F, -0.2F, 1.0F, 1.0F, 0.0F, 1.0F, 0.0F, 1.0F};
    float h[2][UNITS] = {{0.0F}, {0.0F}};
    float out[2][MODEL_NET_OUTPUTS_MAX];
    double ns[2];
    bench_model_build(&model);
    const model_net *net = model.bank.member[0].rule.net;
    const model_net_shape *shape = model_net_shape_of(net);
    float worst = 0.0F;
    for (int i = 0; i < 100; i++) {
        in[0] = (float)(i % 9 - 4) / 4.0F;
        plain_step(&model.members[0].tensors, shape, in, h[0], out[0]);
        if (model_net_step(net, in, h[1], out[1]) != MODEL_OK) {
            bench_die("the net fails");
        }
        for (size_t j = 0; j < shape->n_outputs; j++) {
            worst = fmaxf(worst, fabsf(out[0][j] - out[1][j]));
        }
    }
    for (int k = 0; k < 2; k++) {
        const int64_t start_ns = bench_now_ns();
        for (int i = 0; i < NET_STEPS; i++) {
            if (k == 0) {
                plain_step(&model.members[0].tensors, shape, in, h[0], out[0]);
            } else {
                (void)model_net_step(net, in, h[1], out[1]);
            }
            in[0] = out[k][0]; /* each step waits for the one before */
        }
        ns[k] = (double)(bench_now_ns() - start_ns) / NET_STEPS;
    }
    printf("one step of the net: %.0f ns (%s), plain loops %.0f ns, ratio %.3f, largest difference "
           "%.1g\n",
           ns[1], model_kernel_at(0)->name, ns[0], ns[1] / ns[0], (double)worst);
    model_file_free(&model);
    if (worst > 1e-6F) {
        bench_die("kernel and plain loops do not agree");
    }
}

int main(int argc, char **argv)
{
    double trials = 5000.0;
    double rate = 1000.0;
    const struct bench_option list[] = {
        {"trials", NULL, &trials, NULL, "how many, with each model (default 5000)"},
        {"rate", NULL, &rate, NULL, "a second (default 1000)"},
    };
    bench_options(argc, argv, "Stages of a trial inside the daemon; the net's kernel.", list,
                  sizeof list / sizeof list[0]);
    bench_machine();
    const char *protocol = MURID_SOURCE_DIR "/configs/protocols/ibl_training.yaml";
    (void)measure((int64_t)trials, rate, 0, NULL);
    (void)measure((int64_t)trials, rate, 0, protocol);
    (void)measure((int64_t)trials, rate, BANK, NULL);
    const double median_us = measure((int64_t)trials, rate, 1, NULL);
    compare_kernels();
    return bench_verdict("decode + assimilate + predict, median", median_us, "us", true, 5.0);
}
