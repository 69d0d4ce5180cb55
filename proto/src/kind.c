#include "kind.h"

static int kind_fault(proto_fault *fault, int status)
{
    proto_fault_under(fault, "kind", 4, 0);
    return status;
}

int proto_kind_key_fault(const proto_reader *r, proto_fault *fault, const proto_token *key)
{
    return key->type == PROTO_TOKEN_END ? proto_fault_of_reader(fault, r)
                                        : proto_fault_type(fault, "a key of text", key);
}

static int read_kind(const proto_reader *r, proto_fault *fault, const proto_token *t,
                     const proto_schema **schema)
{
    char name[PROTO_NAME_MAX + 1];
    if (t->type == PROTO_TOKEN_END) {
        return proto_fault_of_reader(fault, r);
    }
    if (t->type != PROTO_TOKEN_TEXT) {
        return kind_fault(fault, proto_fault_type(fault, "text", t));
    }
    const int n = proto_token_text(t, name, sizeof name);
    *schema = n > 0 ? proto_schema_of(proto_kind_of(name)) : NULL;
    if (*schema == NULL) {
        char shown[FAULT_SHOWN_MAX + 4];
        (void)proto_fault_shown(shown, (const char *)t->text, t->text_size);
        return kind_fault(fault, proto_fault_set(fault, PROTO_ERR_KIND, t->offset,
                                                 "\"%s\" is not a kind of message", shown));
    }
    return PROTO_OK;
}

int proto_kind_scan(const proto_reader *from, proto_fault *fault, const proto_schema **schema)
{
    proto_reader r = *from;
    for (;;) {
        const proto_token key = proto_reader_next(&r);
        if (key.type == PROTO_TOKEN_CLOSE) {
            return kind_fault(fault, proto_fault_set(fault, PROTO_ERR_MISSING, key.offset,
                                                     "the key is required (which message it is)"));
        }
        if (key.type != PROTO_TOKEN_TEXT) {
            return proto_kind_key_fault(&r, fault, &key);
        }
        const proto_token value = proto_reader_next(&r);
        if (proto_token_is(&key, "kind")) {
            return read_kind(&r, fault, &value, schema);
        }
        proto_reader_skip(&r, &value);
    }
}
