/* proto/frame.h. The check value of CRC-16/CCITT-FALSE ("123456789" gives 0x29B1) is the one of the
 * CRC catalogue (reveng.sourceforge.io, CRC-16/IBM-3740). The golden frames come from
 * tests/reference/frame.py, which writes COBS and the checksum a second time and checks itself
 * against published COBS vectors. */
#include "suite.h"

#include <string.h>

#include "noise.h"
#include "proto/frame.h"

static bool push_all(proto_frame_decoder *d, const uint8_t *bytes, size_t n, proto_frame *frame)
{
    bool is_whole = false;
    for (size_t i = 0; i < n; i++) {
        is_whole = proto_frame_push(d, bytes[i], frame) || is_whole;
    }
    return is_whole;
}

static void the_checksum_gives_the_published_check_value(void **state)
{
    (void)state;
    proto_frame frame;
    assert_true(proto_frame_parse((const uint8_t *)"123456789\xB1\x29", 11, &frame));
    assert_false(proto_frame_parse((const uint8_t *)"123456789\xB1\x28", 11, &frame));
}

static void frames_are_the_golden_bytes_and_are_read_back(void **state)
{
    (void)state;
    static const struct {
        uint8_t body[4];
        size_t n;
        uint8_t wire[12];
        size_t n_wire;
    } CASES[] = {
        {{0}, 0, {0x00, 0x02, 0x03, 0x04, 0x01, 0xED, 0x85, 0x00}, 8},
        {{0x00}, 1, {0x00, 0x02, 0x03, 0x02, 0x01, 0x03, 0x2D, 0x2C, 0x00}, 9},
        {{0x11, 0x00, 0x00, 0x22},
         4,
         {0x00, 0x02, 0x03, 0x03, 0x01, 0x11, 0x01, 0x04, 0x22, 0x2E, 0xEA, 0x00},
         12},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t wire[PROTO_FRAME_WIRE_MAX];
        const size_t n =
            proto_frame_encode(0x03, 0x0100, CASES[i].body, CASES[i].n, wire, sizeof wire);
        assert_int_equal(n, CASES[i].n_wire);
        assert_memory_equal(wire, CASES[i].wire, n);
        proto_frame_decoder d;
        proto_frame frame;
        proto_frame_decoder_init(&d);
        assert_true(push_all(&d, CASES[i].wire, n, &frame));
        assert_int_equal(frame.type, 0x03);
        assert_int_equal(frame.seq, 0x0100);
        assert_int_equal(frame.body_size, CASES[i].n);
        assert_memory_equal(frame.body, CASES[i].body, CASES[i].n);
    }
}

static void every_length_and_content_comes_back_as_it_went_in(void **state)
{
    (void)state;
    struct noise random = {.state = suite_seed()};
    proto_frame_decoder d;
    proto_frame_decoder_init(&d);
    for (size_t round = 0; round < 20000; round++) {
        uint8_t body[PROTO_FRAME_BODY_MAX], wire[PROTO_FRAME_WIRE_MAX];
        const size_t n = round % (PROTO_FRAME_BODY_MAX + 1);
        for (size_t i = 0; i < n; i++) {
            body[i] = (uint8_t)(noise_random(&random) % 3 == 0 ? 0 : noise_random(&random));
        }
        const uint8_t type = (uint8_t)noise_random(&random);
        const uint16_t seq = (uint16_t)noise_random(&random);
        const size_t size = proto_frame_encode(type, seq, body, n, wire, sizeof wire);
        assert_int_equal(size, n + 8);
        for (size_t i = 1; i + 1 < size; i++) {
            assert_int_not_equal(wire[i], 0);
        }
        proto_frame frame, again;
        assert_true(push_all(&d, wire, size, &frame));
        assert_int_equal(frame.type, type);
        assert_int_equal(frame.seq, seq);
        assert_int_equal(frame.body_size, n);
        assert_memory_equal(frame.body, body, n);
        assert_true(proto_frame_parse(frame.payload, frame.payload_size, &again));
        assert_int_equal(again.seq, seq);
    }
    assert_int_equal(d.counters.frames, 20000);
    assert_int_equal(d.counters.crc_errors + d.counters.length_errors + d.counters.resyncs, 0);
}

static void refuses_a_body_too_long_and_a_buffer_one_byte_short(void **state)
{
    (void)state;
    uint8_t body[PROTO_FRAME_BODY_MAX + 1] = {0}, wire[PROTO_FRAME_WIRE_MAX + 8];
    assert_int_equal(proto_frame_encode(1, 1, body, sizeof body, wire, sizeof wire), 0);
    memset(wire, 0xEE, sizeof wire);
    assert_int_equal(proto_frame_encode(1, 1, body, 4, wire, 11), 0);
    assert_int_equal(wire[0], 0xEE);
    assert_int_equal(proto_frame_encode(1, 1, body, 4, wire, 12), 12);
    assert_int_equal(wire[12], 0xEE);
}

static void counts_each_kind_of_bad_frame_and_finds_the_next_good_one(void **state)
{
    (void)state;
    uint8_t wire[PROTO_FRAME_WIRE_MAX], bad[200];
    const uint8_t body[4] = {1, 2, 3, 4};
    const size_t n = proto_frame_encode(3, 7, body, sizeof body, wire, sizeof wire);
    proto_frame_decoder d;
    proto_frame frame;
    proto_frame_decoder_init(&d);

    memcpy(bad, wire, n);
    bad[6] ^= 0x10;
    assert_false(push_all(&d, bad, n, &frame));
    assert_int_equal(d.counters.crc_errors + d.counters.length_errors, 1);
    assert_true(push_all(&d, wire, n, &frame));
    assert_int_equal(d.counters.resyncs, 1);

    proto_frame_decoder_init(&d);
    assert_false(push_all(&d, wire, n - 4, &frame)); /* cut off inside */
    assert_true(push_all(&d, wire, n, &frame));
    assert_int_equal(d.counters.length_errors, 1);

    memset(bad, 0x55, sizeof bad); /* far too long */
    assert_false(push_all(&d, bad, sizeof bad, &frame));
    assert_true(push_all(&d, wire, n, &frame));
    assert_int_equal(d.counters.length_errors, 2);

    static const uint8_t SHORT[] = {0x03, 0x01, 0x02, 0x00};
    assert_false(push_all(&d, SHORT, sizeof SHORT, &frame));
    assert_true(push_all(&d, wire, n, &frame));
    assert_int_equal(d.counters.length_errors, 3);
    assert_int_equal(d.counters.frames, 3);
    assert_int_equal(d.counters.resyncs, 3);
    assert_int_equal(d.counters.crc_errors, 0);

    static const uint8_t NOTHING[] = {0, 0, 0};
    assert_false(push_all(&d, NOTHING, sizeof NOTHING, &frame));
    assert_int_equal(d.counters.length_errors, 3);
}

static void every_single_bit_error_is_noticed(void **state)
{
    (void)state;
    uint8_t wire[PROTO_FRAME_WIRE_MAX], body[20];
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 37 + 1);
    }
    const size_t n = proto_frame_encode(3, 258, body, sizeof body, wire, sizeof wire);
    for (size_t bit = 8; bit < 8 * (n - 1); bit++) {
        proto_frame_decoder d;
        proto_frame frame;
        proto_frame_decoder_init(&d);
        wire[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_false(push_all(&d, wire, n, &frame));
        assert_true(d.counters.crc_errors + d.counters.length_errors > 0);
        wire[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void noise_alone_makes_no_more_frames_than_chance_allows(void **state)
{
    (void)state;
    struct noise random = {.state = suite_seed()};
    proto_frame_decoder d;
    proto_frame frame;
    proto_frame_decoder_init(&d);
    for (uint32_t i = 0; i < 2000000; i++) {
        const bool is_delimiter = noise_random(&random) % 32 == 0;
        (void)proto_frame_push(&d, is_delimiter ? 0 : (uint8_t)noise_random(&random), &frame);
    }
    /* About 70,000 delimiters end something; the 16-bit checksum of no more than all of those fits
     * by chance: 1.1 expected, Poisson; more than 14 has a probability below 1e-10. */
    assert_in_range(d.counters.frames, 0, 14);
    assert_true(d.counters.crc_errors > 100 && d.counters.length_errors > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_gives_the_published_check_value),
        cmocka_unit_test(frames_are_the_golden_bytes_and_are_read_back),
        cmocka_unit_test(every_length_and_content_comes_back_as_it_went_in),
        cmocka_unit_test(refuses_a_body_too_long_and_a_buffer_one_byte_short),
        cmocka_unit_test(counts_each_kind_of_bad_frame_and_finds_the_next_good_one),
        cmocka_unit_test(every_single_bit_error_is_noticed),
        cmocka_unit_test(noise_alone_makes_no_more_frames_than_chance_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
