#include "training_set.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "list.h"
#include "model/random.h"

enum { FIRST_TRIALS = 1024 };

static int no_memory(struct fault *fault)
{
    return fault_set(fault, FAULT_WORK, "no memory for the trials");
}

static int find_subject(struct training_set *t, const struct trial_table *table, const char *name,
                        uint32_t *out, struct fault *fault)
{
    uint32_t number;
    const int rc = subject_names_find(&t->subjects, table, name, &number, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    if (number == t->n) {
        void *list = list_grow(t->subject, t->n, &t->capacity, sizeof *t->subject);
        if (list == NULL) {
            return no_memory(fault);
        }
        t->subject = list;
        t->subject[number] = (struct training_set_subject){0};
        t->n++;
    }
    *out = number;
    return FAULT_NONE;
}

static int grow(struct training_set_subject *s, struct fault *fault)
{
    if (s->n < s->capacity) {
        return FAULT_NONE;
    }
    const size_t capacity = s->capacity > 0 ? 2 * s->capacity : FIRST_TRIALS;
    model_trial *trials = realloc(s->trials, capacity * sizeof *trials);
    s->trials = trials != NULL ? trials : s->trials;
    uint8_t *starts = realloc(s->starts_session, capacity);
    s->starts_session = starts != NULL ? starts : s->starts_session;
    if (trials == NULL || starts == NULL) {
        return no_memory(fault);
    }
    s->capacity = capacity;
    return FAULT_NONE;
}

static int take_row(void *context, const struct trial_table *table, const struct trial_row *row,
                    struct fault *fault)
{
    struct training_set *t = context;
    uint32_t number = 0;
    int rc = find_subject(t, table, row->subject, &number, fault);
    rc = rc ? rc : grow(&t->subject[number], fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    struct training_set_subject *s = &t->subject[number];
    const bool starts = strcmp(s->session, row->session) != 0;
    if (starts) {
        memcpy(s->session, row->session, sizeof s->session);
    }
    s->starts_session[s->n] = starts ? 1 : 0;
    s->trials[s->n++] = trial_table_trial(row);
    t->n_rows++;
    s->n_choices += row->choice >= 0 ? 1 : 0;
    s->n_right += row->choice == 1 ? 1 : 0;
    t->n_choices += row->choice >= 0 ? 1 : 0;
    t->n_right += row->choice == 1 ? 1 : 0;
    return FAULT_NONE;
}

static int hash_file(const char *path, char hex[TRAINING_SET_DIGEST_HEX + 1], struct fault *fault)
{
    unsigned char bytes[16384];
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return FAULT_NONE; /* a pipe can be read only once */
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fault_set(fault, FAULT_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    }
    (void)crypto_hash_sha256_init(&state);
    for (size_t n = fread(bytes, 1, sizeof bytes, file); n > 0;
         n = fread(bytes, 1, sizeof bytes, file)) {
        (void)crypto_hash_sha256_update(&state, bytes, n);
    }
    (void)crypto_hash_sha256_final(&state, digest);
    (void)sodium_bin2hex(hex, TRAINING_SET_DIGEST_HEX + 1, digest, sizeof digest);
    (void)fclose(file);
    return FAULT_NONE;
}

/* Member by member: a struct has padding. */
static void hash_trial(crypto_hash_sha256_state *state, const model_trial *t, uint8_t starts)
{
    const double values[] = {t->contrast, t->reward, t->rt_s};
    const int8_t codes[] = {t->choice, t->side, (int8_t)starts};
    (void)crypto_hash_sha256_update(state, (const unsigned char *)values, sizeof values);
    (void)crypto_hash_sha256_update(state, (const unsigned char *)codes, sizeof codes);
}

static void take_fingerprint(struct training_set *t)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    for (uint32_t i = 0; i < t->n; i++) {
        const struct training_set_subject *s = &t->subject[i];
        const uint64_t n = s->n;
        (void)crypto_hash_sha256_update(&state, (const unsigned char *)&n, sizeof n);
        for (size_t k = 0; k < s->n; k++) {
            hash_trial(&state, &s->trials[k], s->starts_session[k]);
        }
    }
    (void)crypto_hash_sha256_final(&state, digest);
    (void)sodium_bin2hex(t->fingerprint, sizeof t->fingerprint, digest, sizeof digest);
}

int training_set_load(struct training_set *out, const char *path, struct trial_table_how how,
                      struct fault *fault)
{
    memset(out, 0, sizeof *out);
    int rc = strcmp(path, "-") != 0 ? hash_file(path, out->sha256, fault) : FAULT_NONE;
    rc = rc ? rc : trial_table_read(path, "reading", NULL, how, take_row, out, fault);
    if (rc == FAULT_NONE && out->n_choices == 0) {
        rc = fault_set(fault, FAULT_INPUT, "%s: no trials that ended in a choice; nothing to learn",
                       strcmp(path, "-") == 0 ? "standard input" : path);
    }
    if (rc != FAULT_NONE) {
        training_set_free(out);
        return rc;
    }
    take_fingerprint(out);
    return FAULT_NONE;
}

void training_set_free(struct training_set *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        free(t->subject[i].trials);
        free(t->subject[i].starts_session);
    }
    free(t->subject);
    subject_names_free(&t->subjects);
    memset(t, 0, sizeof *t);
}

/* The next so many bytes; base NULL only counts. */
static void *take(unsigned char *base, size_t *used, size_t bytes)
{
    void *block = base != NULL ? base + *used : NULL;
    *used += (bytes + 7) / 8 * 8;
    return block;
}

static size_t lay_out(const struct training_set_view *view, size_t n, unsigned char *base,
                      size_t used, model_fit_rows *rows)
{
    rows->x = take(base, &used, n * model_fit_inputs(view->rule) * sizeof(float));
    rows->g = take(base, &used, n * view->policy.n * sizeof(float));
    rows->chose_right = take(base, &used, n);
    rows->side = take(base, &used, n);
    rows->starts_session = take(base, &used, n);
    rows->n_steps = take(base, &used, n * sizeof(uint16_t));
    return used;
}

void training_set_shuffle(uint32_t numbers[], uint32_t n, uint32_t n_drawn, uint64_t seed,
                          uint64_t stream)
{
    model_random random;
    model_random_seed(&random, seed, stream);
    for (uint32_t i = n; i > n - n_drawn; i--) {
        const uint32_t k = (uint32_t)model_random_below(&random, i);
        const uint32_t held = numbers[i - 1];
        numbers[i - 1] = numbers[k];
        numbers[k] = held;
    }
}

model_trial training_set_mirror(const model_trial *trial)
{
    model_trial image = *trial;
    image.contrast = -trial->contrast;
    image.choice = trial->choice >= 0 ? (int8_t)(1 - trial->choice) : trial->choice;
    image.side = trial->side >= 0 ? (int8_t)(1 - trial->side) : trial->side;
    return image;
}

static void fill_rows(const struct training_set_view *view, const struct training_set_subject *s,
                      bool is_mirrored, const model_fit_rows *rows)
{
    model_fit_cursor cursor;
    size_t n = 0;
    model_fit_cursor_init(&cursor, &view->policy, view->rule, NULL);
    for (size_t k = 0; k < s->n; k++) {
        const model_trial seen = is_mirrored ? training_set_mirror(&s->trials[k]) : s->trials[k];
        n += model_fit_cursor_push(&cursor, &seen, s->starts_session[k] == 1, rows, n) ? 1 : 0;
    }
}

int training_set_view_open(struct training_set_view *out, const struct training_set *training,
                           const model_policy *policy, model_rule_kind rule,
                           const uint32_t subjects[], uint32_t n, bool with_mirrors,
                           struct fault *fault)
{
    *out = (struct training_set_view){.policy = *policy, .rule = rule};
    const uint32_t images = with_mirrors ? 2 : 1;
    const uint32_t count = images * (subjects != NULL ? n : training->n);
    model_fit_rows rows;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t number = subjects != NULL ? subjects[i / images] : i / images;
        used = lay_out(out, training->subject[number].n_choices, NULL, used, &rows);
    }
    out->memory = malloc(used + 1);
    out->animals = calloc((size_t)count + 1, sizeof out->animals[0]);
    if (out->memory == NULL || out->animals == NULL) {
        training_set_view_close(out);
        return no_memory(fault);
    }
    used = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t number = subjects != NULL ? subjects[i / images] : i / images;
        const struct training_set_subject *s = &training->subject[number];
        used = lay_out(out, s->n_choices, out->memory, used, &rows);
        fill_rows(out, s, i % images == 1, &rows);
        out->animals[i] = (model_fit_animal){.n_trials = s->n_choices,
                                             .x = rows.x,
                                             .g = rows.g,
                                             .chose_right = rows.chose_right,
                                             .side = rows.side,
                                             .starts_session = rows.starts_session,
                                             .n_steps = rows.n_steps};
        out->n_trials += s->n_choices;
    }
    out->n = count;
    return FAULT_NONE;
}

void training_set_view_close(struct training_set_view *view)
{
    free(view->memory);
    free(view->animals);
    memset(view, 0, sizeof *view);
}
