/* proto/message.h: what is written can be read, in both formats, and by others. */
#include <locale.h>
#include <stddef.h>

#include "skips.h"
#include <msgpack.h>

#include "random_message.h"

enum { ROUNDS = 200 };

static const proto_format FORMATS[] = {PROTO_FORMAT_MSGPACK, PROTO_FORMAT_JSON};

static int encode(const proto_message *msg, proto_format format, uint8_t out[PROTO_BYTES_MAX])
{
    const int n = proto_encode(msg, format, out, PROTO_BYTES_MAX);
    if (n <= 0) {
        print_error("%s: %s\n", proto_kind_name(msg->kind), proto_strerror(n));
    }
    assert_true(n > 0);
    return n;
}

static void decode(const uint8_t *bytes, int n, proto_message *msg)
{
    proto_fault fault;
    memset(msg, 0, sizeof *msg);
    const int rc = proto_decode(bytes, (size_t)n, msg, &fault);
    if (rc != PROTO_OK) {
        print_error("%s: %s\n", fault.key, fault.text);
    }
    assert_int_equal(rc, PROTO_OK);
}

static void for_every_kind(void (*check)(const proto_message *msg))
{
    static proto_message msg;
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        for (int round = 0; proto_schemas[i].kind != 0 && round < ROUNDS; round++) {
            random_message(&msg, (proto_kind)proto_schemas[i].kind, round % 2 == 0);
            check(&msg);
        }
    }
}

static void check_round_trip(const proto_message *msg)
{
    static proto_message again;
    uint8_t bytes[PROTO_BYTES_MAX];
    for (size_t i = 0; i < 2; i++) {
        decode(bytes, encode(msg, FORMATS[i], bytes), &again);
        assert_memory_equal(msg, &again, sizeof again);
    }
}

static void every_message_comes_back_as_it_was_in_both_formats(void **state)
{
    (void)state;
    for_every_kind(check_round_trip);
}

static void check_every_prefix(const proto_message *msg)
{
    static proto_message again;
    static int calls;
    uint8_t bytes[PROTO_BYTES_MAX];
    if (calls++ % 20 > 1) { /* quadratic in the size: a tenth of the messages is enough */
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const int n = encode(msg, FORMATS[i], bytes);
        for (int cut = 0; cut < n; cut++) {
            proto_fault fault;
            uint8_t *exact = malloc((size_t)cut + 1);
            assert_non_null(exact);
            memcpy(exact, bytes, (size_t)cut);
            const int rc = proto_decode(exact, (size_t)cut, &again, &fault);
            free(exact);
            assert_int_equal(rc, PROTO_ERR_TRUNCATED);
            assert_int_equal(again.kind, PROTO_KIND_NONE);
        }
    }
}

static void a_message_cut_at_any_byte_is_refused_as_truncated(void **state)
{
    (void)state;
    for_every_kind(check_every_prefix);
}

static void check_every_capacity(const proto_message *msg)
{
    static int calls;
    uint8_t bytes[PROTO_BYTES_MAX];
    if (calls++ % 20 > 1) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const int n = encode(msg, FORMATS[i], bytes);
        for (int cap = 0; cap < n; cap += 1 + cap / 16) {
            uint8_t *exact = malloc((size_t)cap + 1);
            assert_non_null(exact);
            assert_int_equal(proto_encode(msg, FORMATS[i], exact, (size_t)cap), PROTO_ERR_SPACE);
            free(exact);
        }
        uint8_t *exact = malloc((size_t)n);
        assert_non_null(exact);
        assert_int_equal(proto_encode(msg, FORMATS[i], exact, (size_t)n), n);
        assert_memory_equal(exact, bytes, (size_t)n);
        free(exact);
    }
}

static void a_buffer_too_small_is_never_overrun(void **state)
{
    (void)state;
    for_every_kind(check_every_capacity);
}

/* Damage a valid message a little: whatever is still taken can be written and read again. */
static void check_damage(const proto_message *msg)
{
    static proto_message one;
    static proto_message two;
    uint8_t bytes[PROTO_BYTES_MAX];
    uint8_t again[PROTO_BYTES_MAX];
    for (size_t i = 0; i < 2; i++) {
        proto_fault fault;
        const int n = encode(msg, FORMATS[i], bytes);
        for (uint32_t damage = 1 + random_below(3); damage > 0; damage--) {
            bytes[random_below((uint32_t)n)] = (uint8_t)random_bits();
        }
        memset(&one, 0, sizeof one);
        if (proto_decode(bytes, (size_t)n, &one, &fault) == PROTO_OK) {
            decode(again, encode(&one, FORMATS[1 - i], again), &two);
            assert_memory_equal(&one, &two, sizeof two);
        } else {
            assert_true(fault.status < 0 && fault.text[0] != '\0');
            assert_int_equal(one.kind, PROTO_KIND_NONE);
        }
    }
}

static void damaged_bytes_are_refused_or_mean_something(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        for_every_kind(check_damage);
    }
}

/* ---- msgpack-c as a second reader ---- */

static const msgpack_object *lookup(const msgpack_object *map, const char *key)
{
    assert_int_equal(map->type, MSGPACK_OBJECT_MAP);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *k = &map->via.map.ptr[i].key;
        if (k->type == MSGPACK_OBJECT_STR && k->via.str.size == strlen(key) &&
            memcmp(k->via.str.ptr, key, strlen(key)) == 0) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

static void check_text(const msgpack_object *o, const char *s)
{
    assert_int_equal(o->type, MSGPACK_OBJECT_STR);
    assert_int_equal(o->via.str.size, strlen(s));
    assert_memory_equal(o->via.str.ptr, s, strlen(s));
}

static void check_real(const msgpack_object *o, double x)
{
    assert_int_equal(o->type, MSGPACK_OBJECT_FLOAT64);
    assert_memory_equal(&o->via.f64, &x, sizeof x);
}

static uint32_t check_map(const proto_schema *s, const uint8_t *base, const msgpack_object *map);

static void check_value(const proto_field *f, const uint8_t *base, const msgpack_object *o)
{
    const void *at = base + f->offset;
    const uint8_t *values = base + f->values;
    const uint32_t n = f->values > 0 && f->type != PROTO_FIELD_NEST ? *(const uint32_t *)at : 0;
    switch ((proto_field_type)f->type) {
    case PROTO_FIELD_INT: {
        const int64_t x = *(const int64_t *)at;
        assert_true(o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
                    o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER);
        assert_true(o->via.i64 == x);
        break;
    }
    case PROTO_FIELD_REAL:
        check_real(o, *(const double *)at);
        break;
    case PROTO_FIELD_ID:
    case PROTO_FIELD_TEXT:
        check_text(o, at);
        break;
    case PROTO_FIELD_REALS:
        assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
        assert_int_equal(o->via.array.size, n);
        for (uint32_t i = 0; i < n; i++) {
            check_real(&o->via.array.ptr[i], ((const double *)(const void *)values)[i]);
        }
        break;
    case PROTO_FIELD_NAMED:
        assert_int_equal(o->via.map.size, n);
        for (uint32_t i = 0; i < n; i++) {
            const proto_named *item = (const proto_named *)(const void *)values + i;
            check_text(&o->via.map.ptr[i].key, item->name);
            check_real(&o->via.map.ptr[i].val, item->value);
        }
        break;
    case PROTO_FIELD_NEST:
        assert_int_equal(check_map(f->sub, values, o), o->via.map.size);
        break;
    case PROTO_FIELD_LIST:
        assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
        assert_int_equal(o->via.array.size, n);
        for (uint32_t i = 0; i < n; i++) {
            const msgpack_object *item = &o->via.array.ptr[i];
            assert_int_equal(check_map(f->sub, values + (size_t)i * f->sub->size, item),
                             item->via.map.size);
        }
        break;
    }
}

/* Compares the keys that are there; returns their number. */
static uint32_t check_map(const proto_schema *s, const uint8_t *base, const msgpack_object *map)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < s->n_fields; i++) {
        const proto_field *f = &s->fields[i];
        const msgpack_object *o = lookup(map, f->key);
        if (o != NULL && (o->type != MSGPACK_OBJECT_NIL || (f->flags & SAID) == 0)) {
            check_value(f, base, o);
            found++;
        } else if (o != NULL) {
            found++;
        } else {
            assert_int_equal(f->flags & (REQUIRED | SAID), 0);
        }
    }
    return found;
}

static void check_with_msgpack_c(const proto_message *msg)
{
    const proto_schema *s = proto_schema_of(msg->kind);
    uint8_t bytes[PROTO_BYTES_MAX];
    msgpack_unpacked result;
    size_t at = 0;
    const int n = encode(msg, PROTO_FORMAT_MSGPACK, bytes);
    msgpack_unpacked_init(&result);
    assert_int_equal(msgpack_unpack_next(&result, (const char *)bytes, (size_t)n, &at),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(at, n);
    check_text(lookup(&result.data, "kind"), s->name);
    const uint32_t found =
        1 + check_map(&proto_schemas[SCHEMA_envelope], (const uint8_t *)&msg->env, &result.data) +
        check_map(s, (const uint8_t *)&msg->as, &result.data);
    assert_int_equal(result.data.via.map.size, found);
    msgpack_unpacked_destroy(&result);
}

static void msgpack_c_reads_what_is_written(void **state)
{
    (void)state;
    for_every_kind(check_with_msgpack_c);
}

/* ---- golden bytes, made by Debian's python3-msgpack 1.0.3 from the same keys and values ---- */

static const char GOLDEN_TRIAL[] =
    "8da46b696e64a5747269616ca17601a3726967a57269672d31a77375626a656374a36d3031a773657373"
    "696f6eae323032342d30352d30315f303031a5747269616c29a37365712ba9745f77616c6c5f6e73cf17"
    "cb4e8135810000a87374696d756c7573cbbfd0000000000000a663686f69636500a6726577617264cb3f"
    "f0000000000000a472745f73cb3fe0000000000000a672657065617401";

static const char GOLDEN_PREDICTION[] =
    "de0013a46b696e64aa70726564696374696f6ea17601a3726967a57269672d31a77375626a656374a36d"
    "3031a773657373696f6eae323032342d30352d30315f303031a37365712bab64757261626c655f736571"
    "28a9666f725f747269616c2aa77374696d756c6992cbbfe0000000000000cb3fe0000000000000a7705f"
    "726967687492cb3fc0000000000000cb3fec000000000000a26c6f92cb3fb0000000000000cb3fe80000"
    "00000000a2686992cb3fd0000000000000cb3fee000000000000a6706f6c696379ad7374696d756c7573"
    "2c62696173a17792cb4000000000000000cbbfe0000000000000a4775f736492cb3fd0000000000000cb"
    "3fc0000000000000a462616e6b82a46e6f6e65cb3fd0000000000000a3726e6ecb3fe8000000000000a5"
    "73636f726582a16e29a46e617473cb3fe0000000000000a56d6f64656ca86275696c742d696ea8737461"
    "67655f757391cb3ff8000000000000";

static void golden_envelope(proto_message *msg, proto_kind kind)
{
    memset(msg, 0, sizeof *msg);
    proto_message_init(msg, kind);
    strcpy(msg->env.rig, "rig-1");
    strcpy(msg->env.subject, "m01");
    strcpy(msg->env.session, "2024-05-01_001");
    msg->env.seq = 43;
}

static void check_golden(const proto_message *msg, const char *hex)
{
    static proto_message read;
    uint8_t expected[1024];
    uint8_t bytes[PROTO_BYTES_MAX];
    const size_t n = strlen(hex) / 2;
    assert_true(n <= sizeof expected);
    for (size_t i = 0; i < n; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        expected[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    assert_int_equal(encode(msg, PROTO_FORMAT_MSGPACK, bytes), n);
    assert_memory_equal(bytes, expected, n);
    decode(expected, (int)n, &read);
    assert_memory_equal(msg, &read, sizeof read);
}

static void a_trial_has_the_bytes_that_python_gives_it(void **state)
{
    (void)state;
    static proto_message msg;
    golden_envelope(&msg, PROTO_KIND_TRIAL);
    msg.env.trial = 41;
    msg.env.t_wall_ns = 1714550400000000000;
    msg.as.trial.stimulus = -0.25;
    msg.as.trial.choice = 0;
    msg.as.trial.reward = 1.0;
    msg.as.trial.rt_s = 0.5;
    msg.as.trial.repeat = 1;
    check_golden(&msg, GOLDEN_TRIAL);
}

static void a_prediction_has_the_bytes_that_python_gives_it(void **state)
{
    (void)state;
    static proto_message msg;
    golden_envelope(&msg, PROTO_KIND_PREDICTION);
    msg.env.durable_seq = 40;
    proto_prediction *p = &msg.as.prediction;
    p->for_trial = 42;
    p->stimuli.n = p->p_right.n = p->lo.n = p->hi.n = 2;
    memcpy(p->stimuli.v, (double[]){-0.5, 0.5}, 2 * sizeof(double));
    memcpy(p->p_right.v, (double[]){0.125, 0.875}, 2 * sizeof(double));
    memcpy(p->lo.v, (double[]){0.0625, 0.75}, 2 * sizeof(double));
    memcpy(p->hi.v, (double[]){0.25, 0.9375}, 2 * sizeof(double));
    strcpy(p->policy, "stimulus,bias");
    p->w.n = p->w_sd.n = 2;
    memcpy(p->w.v, (double[]){2.0, -0.5}, 2 * sizeof(double));
    memcpy(p->w_sd.v, (double[]){0.25, 0.125}, 2 * sizeof(double));
    p->bank.n = 2;
    strcpy(p->bank.v[0].name, "none");
    p->bank.v[0].value = 0.25;
    strcpy(p->bank.v[1].name, "rnn");
    p->bank.v[1].value = 0.75;
    p->score.present = true;
    proto_score_init(&p->score.v);
    p->score.v.n = 41;
    p->score.v.nats = 0.5;
    strcpy(p->model, "built-in");
    p->stage_us.n = 1;
    p->stage_us.v[0] = 1.5;
    check_golden(&msg, GOLDEN_PREDICTION);
}

/* ---- JSON text ---- */

static void check_json(double x, const char *expected)
{
    static proto_message msg;
    uint8_t bytes[PROTO_BYTES_MAX];
    golden_envelope(&msg, PROTO_KIND_ALERT);
    strcpy(msg.as.alert.code, "gap");
    strcpy(msg.as.alert.text, "a \"b\" c\\d");
    msg.as.alert.evidence = x;
    const int n = encode(&msg, PROTO_FORMAT_JSON, bytes);
    bytes[n] = '\0';
    char whole[400];
    (void)snprintf(whole, sizeof whole,
                   "{\"kind\":\"alert\",\"v\":1,\"rig\":\"rig-1\",\"subject\":\"m01\","
                   "\"session\":\"2024-05-01_001\",\"seq\":43,\"code\":\"gap\",\"evidence\":%s,"
                   "\"text\":\"a \\\"b\\\" c\\\\d\"}",
                   expected);
    assert_string_equal((const char *)bytes, whole);
}

static void json_numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    check_json(0.1, "0.1");
    check_json(3.0, "3");
    check_json(0.1 + 0.2, "0.30000000000000004");
    check_json(1.0 / 3.0, "0.3333333333333333");
    check_json(5e-324, "4.94065645841247e-324");
    check_json(1.7976931348623157e308, "1.7976931348623157e+308");
}

static void json_has_a_decimal_point_in_every_locale(void **state)
{
    (void)state;
    static const char *const WITH_COMMA[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
                                             "ps_AF.UTF-8"};
    int tried = 0;
    for (size_t i = 0; i < sizeof WITH_COMMA / sizeof WITH_COMMA[0]; i++) {
        if (setlocale(LC_ALL, WITH_COMMA[i]) != NULL) {
            tried++;
            check_json(0.5, "0.5");
            for_every_kind(check_round_trip);
        }
    }
    (void)setlocale(LC_ALL, "C");
    if (tried == 0) {
        skips_case("no locale with a decimal comma is installed");
    }
}

/* ---- what may not be written ---- */

static void a_message_that_would_be_refused_is_not_written(void **state)
{
    (void)state;
    static proto_message msg;
    uint8_t out[PROTO_BYTES_MAX];
    proto_message_init(&msg, PROTO_KIND_NONE);
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_KIND);

    golden_envelope(&msg, PROTO_KIND_TRIAL);
    msg.env.trial = 1;
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_MISSING);
    msg.as.trial.stimulus = 1.5;
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_RANGE);
    msg.as.trial.stimulus = 0.5;
    assert_true(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out) > 0);
    msg.as.trial.choice = 7;
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_RANGE);
    msg.as.trial.choice = PROTO_NIL;
    msg.as.trial.features.n = 17;
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_RANGE);
    msg.as.trial.features.n = 0;
    strcpy(msg.env.rig, "a/b");
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_RANGE);
    msg.env.rig[0] = '\0';
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_MISSING);

    golden_envelope(&msg, PROTO_KIND_PREDICTION);
    msg.as.prediction.for_trial = 1;
    msg.as.prediction.stimuli.n = 1;
    assert_int_equal(proto_encode(&msg, PROTO_FORMAT_JSON, out, sizeof out), PROTO_ERR_RANGE);
}

static void names_and_codes_are_those_of_the_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        const proto_kind kind = (proto_kind)proto_schemas[i].kind;
        if (kind != PROTO_KIND_NONE) {
            assert_string_equal(proto_kind_name(kind), proto_schemas[i].name);
            assert_int_equal(proto_kind_of(proto_schemas[i].name), kind);
        }
    }
    assert_int_equal(proto_kind_of("score"), PROTO_KIND_NONE);
    assert_int_equal(proto_kind_of(""), PROTO_KIND_NONE);
    assert_null(proto_kind_name(PROTO_KIND_NONE));
    assert_null(proto_kind_name((proto_kind)1000));
    assert_string_equal(proto_alert_name(PROTO_ALERT_GAP), "gap");
    assert_null(proto_alert_name(PROTO_ALERT_COUNT));
    assert_string_equal(proto_error_name(PROTO_ERROR_CONFLICT), "conflict");
    assert_null(proto_error_name(PROTO_ERROR_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_as_it_was_in_both_formats),
        cmocka_unit_test(a_message_cut_at_any_byte_is_refused_as_truncated),
        cmocka_unit_test(a_buffer_too_small_is_never_overrun),
        cmocka_unit_test(damaged_bytes_are_refused_or_mean_something),
        cmocka_unit_test(msgpack_c_reads_what_is_written),
        cmocka_unit_test(a_trial_has_the_bytes_that_python_gives_it),
        cmocka_unit_test(a_prediction_has_the_bytes_that_python_gives_it),
        cmocka_unit_test(json_numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(json_has_a_decimal_point_in_every_locale),
        cmocka_unit_test(a_message_that_would_be_refused_is_not_written),
        cmocka_unit_test(names_and_codes_are_those_of_the_lists),
    };
    random_seed();
    return skips_end(cmocka_run_group_tests(tests, NULL, NULL), sizeof tests / sizeof tests[0]);
}
