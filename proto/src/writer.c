#include "writer.h"

#include <string.h>

#include "number.h"

static void put(proto_writer *w, const void *bytes, size_t n)
{
    if (n > w->cap - w->at) {
        w->is_full = true;
        return;
    }
    memcpy(w->out + w->at, bytes, n);
    w->at += n;
}

/* ---- msgpack --------------------------------------------------------------------------------- */

/* Nearly all pieces are a tag, a key's size or a double: copies of a constant size need no call. A
 * double's two parts are read as they were just written, since a load across both would wait. */
static int put_packed(void *to, const char *bytes, size_t n)
{
    enum { TAG = 1, DOUBLE = 9 };
    proto_writer *w = to;
    if (n == TAG && w->at < w->cap) {
        w->out[w->at++] = (uint8_t)bytes[0];
    } else if (n == DOUBLE && w->cap - w->at >= DOUBLE) {
        w->out[w->at] = (uint8_t)bytes[0];
        memcpy(w->out + w->at + TAG, bytes + TAG, DOUBLE - TAG);
        w->at += DOUBLE;
    } else {
        put(w, bytes, n);
    }
    return 0;
}

static void msgpack_open_map(proto_writer *w, size_t n_pairs)
{
    msgpack_pack_map(&w->packer, n_pairs);
}

static void msgpack_open_array(proto_writer *w, size_t n_items)
{
    msgpack_pack_array(&w->packer, n_items);
}

static void msgpack_close(proto_writer *w)
{
    (void)w;
}

static void msgpack_text(proto_writer *w, const char *s, size_t n)
{
    msgpack_pack_str(&w->packer, n);
    msgpack_pack_str_body(&w->packer, s, n);
}

static void msgpack_integer(proto_writer *w, int64_t x)
{
    msgpack_pack_int64(&w->packer, x);
}

static void msgpack_real(proto_writer *w, double x)
{
    msgpack_pack_double(&w->packer, x);
}

static void msgpack_nil(proto_writer *w)
{
    msgpack_pack_nil(&w->packer);
}

static const proto_writer_ops MSGPACK = {
    .open_map = msgpack_open_map,
    .close_map = msgpack_close,
    .open_array = msgpack_open_array,
    .close_array = msgpack_close,
    .key = msgpack_text,
    .text = msgpack_text,
    .integer = msgpack_integer,
    .real = msgpack_real,
    .nil = msgpack_nil,
};

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_comma(proto_writer *w, bool needs_next)
{
    if (w->needs_comma) {
        put(w, ",", 1);
    }
    w->needs_comma = needs_next;
}

static void json_open_map(proto_writer *w, size_t n_pairs)
{
    (void)n_pairs;
    json_comma(w, false);
    put(w, "{", 1);
}

static void json_close_map(proto_writer *w)
{
    put(w, "}", 1);
    w->needs_comma = true;
}

static void json_open_array(proto_writer *w, size_t n_items)
{
    (void)n_items;
    json_comma(w, false);
    put(w, "[", 1);
}

static void json_close_array(proto_writer *w)
{
    put(w, "]", 1);
    w->needs_comma = true;
}

static void json_text(proto_writer *w, const char *s, size_t n)
{
    json_comma(w, true);
    put(w, "\"", 1);
    for (size_t at = 0; at < n;) {
        size_t plain = 0;
        while (at + plain < n && s[at + plain] != '"' && s[at + plain] != '\\') {
            plain++;
        }
        put(w, s + at, plain);
        at += plain;
        if (at < n) {
            put(w, "\\", 1);
            put(w, s + at, 1);
            at++;
        }
    }
    put(w, "\"", 1);
}

static void json_key(proto_writer *w, const char *s, size_t n)
{
    json_text(w, s, n);
    put(w, ":", 1);
    w->needs_comma = false;
}

static void json_integer(proto_writer *w, int64_t x)
{
    char text[NUMBER_TEXT_MAX];
    json_comma(w, true);
    put(w, text, (size_t)proto_number_write_int(x, text));
}

static void json_real(proto_writer *w, double x)
{
    char text[NUMBER_TEXT_MAX];
    json_comma(w, true);
    put(w, text, (size_t)proto_number_write(x, text));
}

static void json_nil(proto_writer *w)
{
    json_comma(w, true);
    put(w, "null", 4);
}

static const proto_writer_ops JSON = {
    .open_map = json_open_map,
    .close_map = json_close_map,
    .open_array = json_open_array,
    .close_array = json_close_array,
    .key = json_key,
    .text = json_text,
    .integer = json_integer,
    .real = json_real,
    .nil = json_nil,
};

void proto_writer_init(proto_writer *w, proto_format format, uint8_t *out, size_t cap)
{
    *w = (proto_writer){
        .ops = format == PROTO_FORMAT_JSON ? &JSON : &MSGPACK, .out = out, .cap = cap};
    msgpack_packer_init(&w->packer, w, put_packed);
}
