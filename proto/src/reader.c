#include "proto/reader.h"

#include <math.h>
#include <string.h>

#include "number.h"
#include "proto/text.h"

enum { JSON_NUMBER_MAX = 128 };

/* What a JSON container waits for. */
enum { FIRST, COLON, COMMA };

static proto_token stop(proto_reader *r, int status)
{
    if (r->status == PROTO_OK) {
        r->status = status;
    }
    return (proto_token){.type = PROTO_TOKEN_END, .offset = r->at};
}

static size_t rest(const proto_reader *r)
{
    return r->size - r->at;
}

static bool push(proto_reader *r, bool is_map, uint32_t left)
{
    if (r->depth == PROTO_DEPTH_MAX) {
        return false;
    }
    r->is_map[r->depth] = is_map;
    r->left[r->depth] = left;
    r->depth++;
    return true;
}

/* ---- msgpack --------------------------------------------------------------------------------- */

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++) {
        x = x << 8 | p[i];
    }
    return x;
}

/* Takes an n-byte number from the input; false if it ends first. */
static bool take(proto_reader *r, size_t n, uint64_t *x)
{
    if (rest(r) < n) {
        return false;
    }
    *x = big_endian(r->bytes + r->at, n);
    r->at += n;
    return true;
}

static proto_token open_msgpack(proto_reader *r, proto_token t, bool is_map, uint64_t count)
{
    /* Every item takes at least one byte: a count that promises more than is there is a lie. */
    const uint64_t items = is_map ? count * 2 : count;
    if (items > rest(r)) {
        return stop(r, PROTO_ERR_TRUNCATED);
    }
    if (items > UINT32_MAX) {
        return stop(r, PROTO_ERR_SIZE);
    }
    if (!push(r, is_map, (uint32_t)items)) {
        return stop(r, PROTO_ERR_DEPTH);
    }
    t.type = is_map ? PROTO_TOKEN_MAP : PROTO_TOKEN_ARRAY;
    return t;
}

static proto_token bytes_msgpack(proto_reader *r, proto_token t, proto_token_type type,
                                 uint64_t size)
{
    if (size > rest(r)) {
        return stop(r, PROTO_ERR_TRUNCATED);
    }
    t.type = type;
    t.text = r->bytes + r->at;
    t.text_size = (size_t)size;
    r->at += (size_t)size;
    return t;
}

static proto_token integer(proto_token t, int64_t x)
{
    t.type = PROTO_TOKEN_INT;
    t.integer = x;
    t.real = (double)x;
    return t;
}

static proto_token real(proto_token t, double x)
{
    t.type = PROTO_TOKEN_REAL;
    t.real = x;
    return t;
}

static double real_of_bits(uint64_t bits, size_t n)
{
    if (n == 4) {
        const uint32_t low = (uint32_t)bits;
        float f = 0.0F;
        memcpy(&f, &low, sizeof f);
        return (double)f;
    }
    double d = 0.0;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static int64_t sign_extend(uint64_t bits, size_t n)
{
    const uint64_t sign = (uint64_t)1 << (8 * n - 1);
    if ((bits & sign) == 0) {
        return (int64_t)bits;
    }
    return -(int64_t)((sign - 1) - (bits & (sign - 1))) - 1;
}

/* The codes 0xc4 to 0xdf, whose length or value follows in 1 to 8 bytes. */
static proto_token next_msgpack_sized(proto_reader *r, proto_token t, uint8_t code)
{
    static const uint8_t WIDTH[32] = {
        [0x04] = 1, [0x05] = 2, [0x06] = 4, [0x07] = 1, [0x08] = 2, [0x09] = 4,
        [0x0a] = 4, [0x0b] = 8, [0x0c] = 1, [0x0d] = 2, [0x0e] = 4, [0x0f] = 8,
        [0x10] = 1, [0x11] = 2, [0x12] = 4, [0x13] = 8, [0x19] = 1, [0x1a] = 2,
        [0x1b] = 4, [0x1c] = 2, [0x1d] = 4, [0x1e] = 2, [0x1f] = 4,
    };
    const size_t width = WIDTH[code & 0x1f];
    uint64_t x = 0;
    if (!take(r, width, &x)) {
        return stop(r, PROTO_ERR_TRUNCATED);
    }
    if (code <= 0xc6) {
        return bytes_msgpack(r, t, PROTO_TOKEN_BYTES, x);
    }
    if (code <= 0xc9) {
        return bytes_msgpack(r, t, PROTO_TOKEN_BYTES, x + 1);
    }
    if (code <= 0xcb) {
        return real(t, real_of_bits(x, width));
    }
    if (code <= 0xcf) {
        return x > INT64_MAX ? real(t, (double)x) : integer(t, (int64_t)x);
    }
    if (code <= 0xd3) {
        return integer(t, sign_extend(x, width));
    }
    if (code <= 0xd8) { /* fixext: a type byte, then 1, 2, 4, 8 or 16 bytes */
        return bytes_msgpack(r, t, PROTO_TOKEN_BYTES, ((uint64_t)1 << (code - 0xd4)) + 1);
    }
    if (code <= 0xdb) {
        return bytes_msgpack(r, t, PROTO_TOKEN_TEXT, x);
    }
    return open_msgpack(r, t, code >= 0xde, x);
}

static proto_token next_msgpack(proto_reader *r)
{
    proto_token t = {.offset = r->at};
    if (r->depth > 0) {
        uint32_t *left = &r->left[r->depth - 1];
        if (*left == 0) {
            r->depth--;
            t.type = PROTO_TOKEN_CLOSE;
            return t;
        }
        --*left;
    }
    if (rest(r) == 0) {
        return stop(r, PROTO_ERR_TRUNCATED);
    }
    const uint8_t code = r->bytes[r->at++];
    if (code <= 0x7f) {
        return integer(t, code);
    }
    if (code >= 0xe0) {
        return integer(t, (int64_t)code - 256);
    }
    if (code <= 0x8f) {
        return open_msgpack(r, t, true, code & 0x0f);
    }
    if (code <= 0x9f) {
        return open_msgpack(r, t, false, code & 0x0f);
    }
    if (code <= 0xbf) {
        return bytes_msgpack(r, t, PROTO_TOKEN_TEXT, code & 0x1f);
    }
    switch (code) {
    case 0xc0:
        t.type = PROTO_TOKEN_NIL;
        return t;
    case 0xc1:
        return stop(r, PROTO_ERR_SYNTAX);
    case 0xc2:
    case 0xc3:
        t.type = PROTO_TOKEN_BOOL;
        t.boolean = code == 0xc3;
        return t;
    default:
        return next_msgpack_sized(r, t, code);
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

/* The character of a TEXT token at *at, which moves on. Returns its bytes in out, 0 if malformed.
 */
static size_t text_next(const proto_token *t, size_t *at, uint8_t out[4])
{
    const uint8_t *s = t->text + *at;
    const size_t n = t->text_size - *at;
    if (t->escaped && s[0] == '\\') {
        size_t used = 0;
        const size_t size = proto_text_unescape(s, n, &used, out);
        *at += used;
        return size;
    }
    const size_t size = proto_text_char_size(s, n);
    memcpy(out, s, size);
    *at += size;
    return size;
}

/* Length of the run of characters at s[0..n) that stand for themselves and need no check. */
static size_t plain_size(const uint8_t *s, size_t n)
{
    size_t i = 0;
    while (i < n && s[i] > 0 && s[i] < 0x80 && s[i] != '\\') {
        i++;
    }
    return i;
}

int proto_token_text(const proto_token *token, char *out, size_t cap)
{
    if (cap == 0) {
        return PROTO_ERR_SPACE;
    }
    size_t size = 0;
    out[0] = '\0';
    if (token->type != PROTO_TOKEN_TEXT) {
        return PROTO_ERR_TYPE;
    }
    for (size_t at = 0; at < token->text_size;) {
        uint8_t c[4];
        const uint8_t *from = token->text + at;
        size_t n = plain_size(from, token->text_size - at);
        at += n;
        if (n == 0) {
            from = c;
            n = text_next(token, &at, c);
            if (n == 0 || c[0] == 0) {
                return PROTO_ERR_SYNTAX;
            }
        }
        if (n >= cap - size) {
            return PROTO_ERR_SPACE;
        }
        memcpy(out + size, from, n);
        size += n;
        out[size] = '\0';
    }
    return (int)size;
}

bool proto_token_is(const proto_token *token, const char *s)
{
    const size_t size = strlen(s);
    if (token->type != PROTO_TOKEN_TEXT) {
        return false;
    }
    if (!token->escaped) {
        return token->text_size == size && memcmp(token->text, s, size) == 0;
    }
    size_t matched = 0;
    for (size_t at = 0; at < token->text_size;) {
        uint8_t c[4];
        const size_t n = text_next(token, &at, c);
        if (n == 0 || n > size - matched || memcmp(c, s + matched, n) != 0) {
            return false;
        }
        matched += n;
    }
    return matched == size;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void skip_space(proto_reader *r)
{
    while (r->at < r->size) {
        const uint8_t c = r->bytes[r->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return;
        }
        r->at++;
    }
}

static proto_token json_text(proto_reader *r, proto_token t)
{
    const size_t start = ++r->at;
    t.type = PROTO_TOKEN_TEXT;
    while (r->at < r->size) {
        const uint8_t c = r->bytes[r->at];
        if (c == '"') {
            t.text = r->bytes + start;
            t.text_size = r->at - start;
            r->at++;
            return t;
        }
        if (c < 0x20) {
            return stop(r, PROTO_ERR_SYNTAX);
        }
        size_t used = 1;
        uint8_t out[4];
        if (c == '\\') {
            t.escaped = true;
            if (proto_text_unescape(r->bytes + r->at, rest(r), &used, out) == 0) {
                return stop(r, rest(r) < 12 && memchr(r->bytes + r->at, '"', rest(r)) == NULL
                                   ? PROTO_ERR_TRUNCATED
                                   : PROTO_ERR_SYNTAX);
            }
        } else if (c >= 0x80) {
            used = proto_text_char_size(r->bytes + r->at, rest(r));
            if (used == 0) {
                return stop(r, rest(r) < 4 ? PROTO_ERR_TRUNCATED : PROTO_ERR_SYNTAX);
            }
        }
        r->at += used;
    }
    return stop(r, PROTO_ERR_TRUNCATED);
}

static size_t digits(const char *s)
{
    return strspn(s, "0123456789");
}

/* Length of the JSON number that s begins with, 0 if none; *whole: no fraction, no exponent. */
static size_t number_size(const char *s, bool *whole)
{
    size_t n = s[0] == '-' ? 1 : 0;
    const size_t before = digits(s + n);
    if (before == 0 || (before > 1 && s[n] == '0')) {
        return 0;
    }
    n += before;
    *whole = true;
    if (s[n] == '.') {
        const size_t after = digits(s + n + 1);
        if (after == 0) {
            return 0;
        }
        n += 1 + after;
        *whole = false;
    }
    if (s[n] == 'e' || s[n] == 'E') {
        const size_t sign = s[n + 1] == '+' || s[n + 1] == '-' ? 1 : 0;
        const size_t power = digits(s + n + 1 + sign);
        if (power == 0) {
            return 0;
        }
        n += 1 + sign + power;
        *whole = false;
    }
    return n;
}

/* False if the digits do not fit; also for "-0", whose sign only a double can keep. */
static bool whole_number(const char *s, size_t n, int64_t *x)
{
    const bool negative = s[0] == '-';
    const uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t sum = 0;
    for (size_t i = negative ? 1 : 0; i < n; i++) {
        const uint64_t digit = (uint64_t)(s[i] - '0');
        if (sum > (limit - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    if (negative && sum == 0) {
        return false;
    }
    *x = negative ? -(int64_t)(sum - 1) - 1 : (int64_t)sum;
    return true;
}

static proto_token json_number(proto_reader *r, proto_token t)
{
    char copy[JSON_NUMBER_MAX + 1];
    size_t n = 0;
    while (n < rest(r) && n < JSON_NUMBER_MAX &&
           strchr("+-.0123456789eE", r->bytes[r->at + n]) != NULL && r->bytes[r->at + n] != 0) {
        copy[n] = (char)r->bytes[r->at + n];
        n++;
    }
    copy[n] = '\0';
    const bool is_last = n == rest(r);
    bool whole = false;
    int64_t x = 0;
    if (is_last && r->depth > 0) { /* its end is not to be seen, nor that of its container */
        return stop(r, PROTO_ERR_TRUNCATED);
    }
    if (n == JSON_NUMBER_MAX || n == 0 || number_size(copy, &whole) != n) {
        return stop(r, is_last ? PROTO_ERR_TRUNCATED : PROTO_ERR_SYNTAX);
    }
    r->at += n;
    if (whole && whole_number(copy, n, &x)) {
        return integer(t, x);
    }
    return real(t, proto_number_read(copy));
}

static proto_token json_word(proto_reader *r, proto_token t)
{
    static const struct {
        const char *word;
        proto_token_type type;
        bool boolean;
        double real;
    } WORDS[] = {
        {"null", PROTO_TOKEN_NIL, false, 0.0},
        {"true", PROTO_TOKEN_BOOL, true, 0.0},
        {"false", PROTO_TOKEN_BOOL, false, 0.0},
        {"NaN", PROTO_TOKEN_REAL, false, (double)NAN},
        {"Infinity", PROTO_TOKEN_REAL, false, (double)INFINITY},
        {"-Infinity", PROTO_TOKEN_REAL, false, -(double)INFINITY},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        const size_t size = strlen(WORDS[i].word);
        const size_t n = size < rest(r) ? size : rest(r);
        if (memcmp(r->bytes + r->at, WORDS[i].word, n) != 0) {
            continue;
        }
        if (n < size) {
            return stop(r, PROTO_ERR_TRUNCATED);
        }
        r->at += size;
        t.type = WORDS[i].type;
        t.boolean = WORDS[i].boolean;
        t.real = WORDS[i].real;
        return t;
    }
    return stop(r, PROTO_ERR_SYNTAX);
}

static proto_token json_value(proto_reader *r, proto_token t)
{
    const uint8_t c = r->bytes[r->at];
    if (c == '"') {
        return json_text(r, t);
    }
    if (c == '{' || c == '[') {
        t.type = c == '{' ? PROTO_TOKEN_MAP : PROTO_TOKEN_ARRAY;
        if (!push(r, c == '{', FIRST)) {
            return stop(r, PROTO_ERR_DEPTH);
        }
        r->at++;
        return t;
    }
    const bool is_minus = c == '-' && !(rest(r) > 1 && r->bytes[r->at + 1] == 'I');
    return is_minus || (c >= '0' && c <= '9') ? json_number(r, t) : json_word(r, t);
}

/* One step inside an open container: its end, a key, or the way to its next value. */
static proto_token json_inside(proto_reader *r)
{
    const bool is_map = r->is_map[r->depth - 1];
    uint32_t *state = &r->left[r->depth - 1];
    const uint8_t close = is_map ? '}' : ']';
    proto_token t = {.type = PROTO_TOKEN_CLOSE, .offset = r->at};

    if (r->bytes[r->at] == close && (*state == FIRST || *state == COMMA)) {
        r->at++;
        r->depth--;
        return t;
    }
    if (*state == COMMA || *state == COLON) {
        if (r->bytes[r->at] != (*state == COMMA ? ',' : ':')) {
            return stop(r, PROTO_ERR_SYNTAX);
        }
        r->at++;
        skip_space(r);
        if (rest(r) == 0) {
            return stop(r, PROTO_ERR_TRUNCATED);
        }
        t.offset = r->at;
    }
    if (is_map && *state != COLON) {
        *state = COLON;
        return r->bytes[r->at] == '"' ? json_text(r, t) : stop(r, PROTO_ERR_SYNTAX);
    }
    *state = COMMA;
    return json_value(r, t);
}

static proto_token next_json(proto_reader *r)
{
    skip_space(r);
    if (rest(r) == 0) {
        return stop(r, PROTO_ERR_TRUNCATED);
    }
    return r->depth > 0 ? json_inside(r) : json_value(r, (proto_token){.offset = r->at});
}

/* ---- both ------------------------------------------------------------------------------------ */

void proto_reader_init(proto_reader *r, proto_format format, const uint8_t *bytes, size_t size)
{
    *r = (proto_reader){.bytes = bytes, .size = size, .format = format, .status = PROTO_OK};
}

proto_token proto_reader_next(proto_reader *r)
{
    if (r->status != PROTO_OK) {
        return stop(r, r->status);
    }
    if (r->depth == 0 && r->at > 0) {
        if (r->format == PROTO_FORMAT_JSON) {
            skip_space(r);
        }
        return stop(r, rest(r) == 0 ? PROTO_OK : PROTO_ERR_TRAILING);
    }
    return r->format == PROTO_FORMAT_JSON ? next_json(r) : next_msgpack(r);
}

void proto_reader_skip(proto_reader *r, const proto_token *first)
{
    if (first->type != PROTO_TOKEN_MAP && first->type != PROTO_TOKEN_ARRAY) {
        return;
    }
    const uint32_t depth = r->depth;
    while (r->depth >= depth && proto_reader_next(r).type != PROTO_TOKEN_END) {
    }
}
