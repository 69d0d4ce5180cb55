#include "proto/message.h"

#include <string.h>

#include "proto/text.h"

static const char *const ALERT_NAMES[] = {
#define ALERT(NAME, code, help) #code,
#include "proto/alerts.def"
#undef ALERT
};

static const char *const ERROR_NAMES[] = {
#define ERROR(NAME, code, help) #code,
#include "proto/errors.def"
#undef ERROR
};

const char *proto_alert_name(proto_alert_code code)
{
    return (size_t)code < PROTO_ALERT_COUNT ? ALERT_NAMES[(size_t)code] : NULL;
}

const char *proto_error_name(proto_error_code code)
{
    return (size_t)code < PROTO_ERROR_COUNT ? ERROR_NAMES[(size_t)code] : NULL;
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

/* No map of msgpack begins so: those begin with 0x80 to 0x8f, 0xde or 0xdf. */
proto_format proto_format_of(const uint8_t *bytes, size_t size)
{
    size_t i = proto_text_mark_size(bytes, size);
    if (proto_text_is_utf16(bytes, size)) {
        return PROTO_FORMAT_JSON;
    }
    while (i < size && is_one_of(bytes[i], " \t\n\r")) {
        i++;
    }
    const bool is_blank = i > 0 && i == size;
    return is_blank || (i < size && is_one_of(bytes[i], "{[\"-0123456789tfnNI"))
               ? PROTO_FORMAT_JSON
               : PROTO_FORMAT_MSGPACK;
}

bool proto_id_is_valid(const char *s)
{
    size_t n = 0;
    for (; s[n] != '\0'; n++) {
        const char c = s[n];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool is_other = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (n == PROTO_ID_MAX || !(is_letter || is_other)) {
            return false;
        }
    }
    return n > 0;
}

bool proto_session_is_valid(const char *s)
{
    char id[PROTO_ID_MAX + 1];
    const size_t n = strcspn(s, "+");
    const size_t digits = strspn(s + n + (s[n] == '+' ? 1 : 0), "0123456789");
    if (n > PROTO_ID_MAX || strlen(s) > PROTO_ID_MAX) {
        return false;
    }
    memcpy(id, s, n);
    id[n] = '\0';
    return proto_id_is_valid(id) &&
           (s[n] == '\0' ||
            (s[n + 1] >= '1' && digits <= PROTO_RUN_DIGITS && n + 1 + digits == strlen(s)));
}
