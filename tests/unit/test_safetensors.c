/* safetensors.h */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "output_file.h"
#include "root.h"
#include "safetensors.h"

enum { FILE_MAX = 1 << 16 };

static struct safetensors st;
static struct fault fault;

/* A file with this header and n data bytes of 0; header_size < 0: the true one. */
static int parse_text(const char *header, long long header_size, size_t n)
{
    const size_t text = strlen(header);
    const unsigned long long size =
        header_size < 0 ? (unsigned long long)text : (unsigned long long)header_size;
    uint8_t *bytes = calloc(1, 8 + text + n);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(size >> (8 * i));
    }
    memcpy(bytes + 8, header, text);
    const int rc = safetensors_parse(&st, "m.st", bytes, 8 + text + n, &fault);
    free(bytes);
    return rc;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const float F32[6] = {1.5F, -2.25F, 0.0F, 3.4e38F, -1e-30F, 7.0F};
    static const double F64[2] = {0.1, -1e300};
    static struct safetensors out;
    uint8_t *bytes;
    size_t size;
    memset(&out, 0, sizeof out);
    assert_int_equal(safetensors_add_f64(&out, "b", 1, (uint64_t[]){2}, F64, &fault), FAULT_NONE);
    assert_int_equal(safetensors_add_f32(&out, "a.weight", 2, (uint64_t[]){2, 3}, F32, &fault),
                     FAULT_NONE);
    assert_int_equal(safetensors_add_f32(&out, "scalar", 0, NULL, F32, &fault), FAULT_NONE);
    assert_int_equal(safetensors_add_f32(&out, "empty", 1, (uint64_t[]){0}, F32, &fault),
                     FAULT_NONE);
    assert_int_equal(safetensors_add_meta(&out, "note", "a \"quoted\" \\ µ note", &fault),
                     FAULT_NONE);
    assert_int_equal(safetensors_encode(&out, &bytes, &size, &fault), FAULT_NONE);
    assert_int_equal(size % 8, 0 + (24 + 16 + 4) % 8);
    if (safetensors_parse(&st, "m.st", bytes, size, &fault) != FAULT_NONE) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(st.n_tensors, 4);
    assert_string_equal(safetensors_meta_find(&st, "note"), "a \"quoted\" \\ µ note");
    assert_null(safetensors_meta_find(&st, "nothing"));
    assert_null(safetensors_find(&st, "nothing"));
    const struct safetensors_tensor *a = safetensors_find(&st, "a.weight");
    assert_non_null(a);
    assert_int_equal(a->n_dims, 2);
    assert_int_equal(a->shape[1], 3);
    for (size_t i = 0; i < 6; i++) {
        CHECK_NEAR(safetensors_value(a, i), F32[i], 0.0);
    }
    const struct safetensors_tensor *b = safetensors_find(&st, "b");
    assert_non_null(b);
    CHECK_NEAR(safetensors_value(b, 1), -1e300, 0.0);
    assert_int_equal(safetensors_find(&st, "scalar")->n, 1);
    assert_int_equal(safetensors_find(&st, "empty")->n, 0);
    free(bytes);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

static void every_lie_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        long long header_size;
        size_t data;
        const char *reason;
    } cases[] = {
        {"", 200000000000LL, 0, "header of 200000000000 bytes, at most 262144 expected"},
        {"{}", INT64_MAX, 0, "at most 262144 expected"},
        {"{}", 3, 0, "header of 3 bytes, but only 2 bytes follow"},
        {"{}", 1, 1, "m.st: header, byte"},
        {"", 0, 0, "m.st: header, byte"},
        {"[]", -1, 0, "a map was expected"},
        {"{}x", -1, 0, "only spaces may follow"},
        {"{" A "} ", -1, 4, "tensor \"a\": data_offsets 0 to 8, a begin at 0 and an end by 4"},
        {"{" A "}", -1, 12, "4 bytes after the last tensor"},
        {"{}", -1, 1, "1 bytes after the last tensor"},
        {"{" A "," A "}", -1, 8, "tensor \"a\": given twice"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", -1, 12,
         "tensor \"b\": data_offsets 4 to 12, a begin at 8"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", -1, 16,
         "tensor \"b\": data_offsets 12 to 16, a begin at 8"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8,
         "tensor \"b\": data_offsets 0 to 8, a begin at 8"},
        {"{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", -1, 8,
         "dtype I64, F32 or F64 expected"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,8]}}", -1, 8,
         "F32 or F64 expected"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", -1, 8,
         "data_offsets 0 to 8, 12 bytes expected"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", -1, 8,
         "data_offsets 8 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", -1,
         0, "more than 67108864 values"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,8]}}", -1,
         8, "more than 67108864 values"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,8]}}", -1, 8,
         "shape is not"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]}}", -1, 8,
         "shape is not a list of at most 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", -1, 8,
         "shape is not"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", -1, 8, "shape is not"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", -1, 8,
         "two data_offsets expected"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", -1, 8,
         "data_offsets is not a list of at most 2"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", -1, 8, "two data_offsets expected"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", -1, 8, "two data_offsets expected"},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8, "two data_offsets expected"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1,
         8, "once each"},
        {"{\"a\":[0,8]}", -1, 8, "not a map"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", -1, 8, "header, byte"},
        {"{\"__metadata__\":{\"rule\":7}}", -1, 0, "only strings"},
        {"{\"__metadata__\":[]}", -1, 0, "not a map"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", -1, 0, "given twice"},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", -1, 0, "metadata \"a\": given twice"},
        {"{\"__metadata__\":{\"a\":\"\\u001b[2J\"}}", -1, 0, "not printable"},
        {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8,
         "not printable"},
        {"{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":"
         "{"
         "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
         -1, 8, "longer than 63 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&fault, 0, sizeof fault);
        const int rc = parse_text(cases[i].header, cases[i].header_size, cases[i].data);
        if (rc != FAULT_INPUT || strstr(fault.text, cases[i].reason) == NULL ||
            strncmp(fault.text, "m.st: ", 6) != 0 || strchr(fault.text, '\n') != NULL) {
            fail_msg("case %zu: %d, \"%s\", expected \"%s\"", i, rc, fault.text, cases[i].reason);
        }
        assert_int_equal(st.n_tensors, 0);
    }
}

static void files_shorter_than_their_length_are_refused(void **state)
{
    (void)state;
    const uint8_t bytes[8] = {2};
    for (size_t n = 0; n <= 8; n++) {
        uint8_t *exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact, bytes, n);
        assert_int_equal(safetensors_parse(&st, "m.st", exact, n, &fault), FAULT_INPUT);
        free(exact);
    }
}

static void too_many_tensors_or_entries_are_refused(void **state)
{
    (void)state;
    static char header[FILE_MAX];
    size_t used = 0;
    used += (size_t)snprintf(header, sizeof header, "{");
    for (int i = 0; i <= SAFETENSORS_TENSORS_MAX; i++) {
        used +=
            (size_t)snprintf(header + used, sizeof header - used,
                             "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                             i > 0 ? "," : "", i);
    }
    (void)snprintf(header + used, sizeof header - used, "}");
    assert_int_equal(parse_text(header, -1, 0), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "more than 768 tensors"));
    used = (size_t)snprintf(header, sizeof header, "{\"__metadata__\":{");
    for (int i = 0; i <= SAFETENSORS_META_MAX; i++) {
        used += (size_t)snprintf(header + used, sizeof header - used, "%s\"k%d\":\"v\"",
                                 i > 0 ? "," : "", i);
    }
    (void)snprintf(header + used, sizeof header - used, "}}");
    assert_int_equal(parse_text(header, -1, 0), FAULT_INPUT);
    assert_non_null(strstr(fault.text, "more than 256 entries"));
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    char path[ROOT_PATH_BYTES];
    assert_int_equal(root_make(state), 0);
    (void)root_file(path, "m.st");
    assert_int_equal(output_file_write_bytes(NULL, path, (const uint8_t *)"first", 5, &fault),
                     FAULT_NONE);
    assert_int_equal(output_file_write_bytes(NULL, path, (const uint8_t *)"second", 6, &fault),
                     FAULT_NONE);
    char text[16] = "";
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text - 1, f), 6);
    fclose(f);
    assert_string_equal(text, "second");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(root_remove(state), 0); /* no temporary file is left */
    assert_int_equal(output_file_write_bytes(NULL, path, (const uint8_t *)"third", 5, &fault),
                     FAULT_INPUT);
    assert_non_null(strstr(fault.text, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(every_lie_is_refused_with_its_reason),
        cmocka_unit_test(files_shorter_than_their_length_are_refused),
        cmocka_unit_test(too_many_tensors_or_entries_are_refused),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
