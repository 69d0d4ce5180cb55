#include "training.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "progress.h"

enum { ROWS_A_LOOK = 256, FIRST_TRIALS = 1024 };

static int no_memory(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "no memory for the trials");
}

static int find_subject(struct training *t, const struct table *table, const char *name,
                        struct training_subject **out, struct fault *fault)
{
    uint32_t number;
    const int rc = subjects_find(&t->subjects, table, name, &number, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (number == t->n && t->n == t->capacity) {
        const uint32_t capacity = t->capacity > 0 ? 2 * t->capacity : 16;
        struct training_subject *more = realloc(t->subject, capacity * sizeof *more);
        if (more == NULL) {
            return no_memory(fault);
        }
        t->subject = more;
        t->capacity = capacity;
    }
    *out = &t->subject[number];
    if (number == t->n) {
        **out = (struct training_subject){.at_session_start = true};
        t->n++;
    }
    return FAULT_NONE;
}

static int grow(struct training_subject *s, size_t n_weights, struct fault *fault)
{
    if (s->n < s->capacity) {
        return FAULT_NONE;
    }
    const size_t capacity = s->capacity > 0 ? 2 * s->capacity : FIRST_TRIALS;
    float *x = realloc(s->x, capacity * MODEL_RULE_INPUTS * sizeof(float));
    s->x = x != NULL ? x : s->x;
    float *g = realloc(s->g, capacity * n_weights * sizeof(float));
    s->g = g != NULL ? g : s->g;
    uint8_t *y = realloc(s->chose_right, capacity);
    s->chose_right = y != NULL ? y : s->chose_right;
    int8_t *side = realloc(s->side, capacity);
    s->side = side != NULL ? side : s->side;
    if (x == NULL || g == NULL || y == NULL || side == NULL) {
        return no_memory(fault);
    }
    s->capacity = capacity;
    return FAULT_NONE;
}

static int take_row(struct training *t, const struct table *table, const struct table_row *row,
                    struct fault *fault)
{
    struct training_subject *s = NULL;
    int rc = find_subject(t, table, row->subject, &s, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (strcmp(s->session, row->session) != 0) {
        memcpy(s->session, row->session, sizeof s->session);
        model_history_reset(&s->history);
        s->at_session_start = true;
    }
    if (row->choice < 0) {
        return FAULT_NONE;
    }
    rc = grow(s, t->policy.n, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const model_rule_trial trial = {.stimulus = model_policy_stimulus(&t->policy, row->stimulus),
                                    .reward = row->reward,
                                    .is_session_start = s->at_session_start,
                                    .chose_right = row->choice == 1,
                                    .side = row->side};
    float *x = s->x + s->n * MODEL_RULE_INPUTS;
    if (s->has_last) {
        model_rule_fill_inputs(&s->last, x);
    } else {
        memset(x, 0, MODEL_RULE_INPUTS * sizeof(float));
        x[1] = 1.0F;
    }
    double g[MODEL_WEIGHTS_MAX];
    model_policy_fill(&t->policy, &s->history, trial.stimulus, g);
    for (uint32_t i = 0; i < t->policy.n; i++) {
        s->g[s->n * t->policy.n + i] = (float)g[i];
    }
    s->side[s->n] = row->side;
    s->chose_right[s->n++] = trial.chose_right ? 1 : 0;
    t->n_trials++;
    t->n_right += trial.chose_right ? 1 : 0;
    model_history_push(&s->history, trial.stimulus, trial.chose_right, trial.reward);
    s->last = trial;
    s->has_last = true;
    s->at_session_start = false;
    return FAULT_NONE;
}

static int read_rows(struct training *t, struct table *table, struct fault *fault)
{
    struct stat info;
    struct progress progress;
    const bool is_file = fstat(fileno(table->file), &info) == 0 && S_ISREG(info.st_mode);
    progress_start(&progress, "reading", is_file ? (int64_t)info.st_size : 0);
    struct table_row row;
    int rc = FAULT_NONE;
    int got = table_next(table, &row, fault);
    for (; got == 1 && rc == FAULT_NONE; got = table_next(table, &row, fault)) {
        rc = take_row(t, table, &row, fault);
        if (++t->n_rows % ROWS_A_LOOK == 0) {
            if (progress_interrupted()) {
                rc = fault_set(fault, FAULT_WORK, "%s:%lld: interrupted", table->path,
                               (long long)table->line);
            }
            progress_update(&progress, is_file ? (int64_t)ftello(table->file) : t->n_rows);
        }
        if (rc != FAULT_NONE) {
            break;
        }
    }
    progress_finish(&progress);
    if (rc == FAULT_NONE && got < 0) {
        return FAULT_INPUT;
    }
    if (rc == FAULT_NONE && t->n_trials == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials that ended in a choice; nothing to learn",
                       table->path);
    }
    return rc;
}

static int hash_file(const char *path, char hex[TRAINING_DIGEST_HEX + 1], struct fault *fault)
{
    unsigned char bytes[16384];
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode)) {
        (void)crypto_hash_sha256_init(&state);
        for (size_t n = fread(bytes, 1, sizeof bytes, file); n > 0;
             n = fread(bytes, 1, sizeof bytes, file)) {
            (void)crypto_hash_sha256_update(&state, bytes, n);
        }
        (void)crypto_hash_sha256_final(&state, digest);
        (void)sodium_bin2hex(hex, TRAINING_DIGEST_HEX + 1, digest, sizeof digest);
    }
    (void)fclose(file);
    return FAULT_NONE;
}

static void take_fingerprint(struct training *t)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    for (uint32_t i = 0; i < t->n; i++) {
        const struct training_subject *s = &t->subject[i];
        const uint64_t n = s->n;
        (void)crypto_hash_sha256_update(&state, (const unsigned char *)&n, sizeof n);
        if (n > 0) {
            (void)crypto_hash_sha256_update(&state, (const unsigned char *)s->x,
                                            s->n * MODEL_RULE_INPUTS * sizeof(float));
            (void)crypto_hash_sha256_update(&state, (const unsigned char *)s->g,
                                            s->n * t->policy.n * sizeof(float));
            (void)crypto_hash_sha256_update(&state, s->chose_right, s->n);
        }
    }
    (void)crypto_hash_sha256_final(&state, digest);
    (void)sodium_bin2hex(t->fingerprint, sizeof t->fingerprint, digest, sizeof digest);
}

int training_load(struct training *out, const char *path, const model_policy *policy,
                  struct fault *fault)
{
    struct table table = {0};
    memset(out, 0, sizeof *out);
    out->policy = *policy;
    int rc = strcmp(path, "-") != 0 ? hash_file(path, out->sha256, fault) : FAULT_NONE;
    if (rc == FAULT_NONE) {
        rc = table_open(&table, path, fault);
    }
    if (rc == FAULT_NONE) {
        rc = read_rows(out, &table, fault);
    }
    table_close(&table);
    if (rc == FAULT_NONE) {
        out->animals = calloc(out->n, sizeof out->animals[0]);
        rc = out->animals != NULL ? FAULT_NONE : no_memory(fault);
    }
    if (rc != FAULT_NONE) {
        training_free(out);
        return rc;
    }
    for (uint32_t i = 0; i < out->n; i++) {
        const struct training_subject *s = &out->subject[i];
        out->animals[i] = (model_fit_animal){s->n, s->x, s->g, s->chose_right, s->side};
    }
    take_fingerprint(out);
    return FAULT_NONE;
}

void training_free(struct training *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        free(t->subject[i].x);
        free(t->subject[i].g);
        free(t->subject[i].chose_right);
        free(t->subject[i].side);
    }
    free(t->subject);
    free(t->animals);
    subjects_free(&t->subjects);
    memset(t, 0, sizeof *t);
}
