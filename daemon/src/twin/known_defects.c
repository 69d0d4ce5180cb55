#include "known_defects.h"

#include <stdio.h>
#include <string.h>

#include "proto/content.h"

/* Bit mask of those that concern the session. */
static uint32_t defects_of(uint32_t release, const char *task,
                           const struct audit_protocol *protocol)
{
    const bool is_training = strcmp(protocol_list_task(task), "trainingChoiceWorld") == 0;
    return protocol != NULL ? protocol->release[release].defects
           : is_training    ? model_protocol_release_of(release)->defects
                            : 0;
}

/* "zero_left (without contrast the correct side is always left), debias_all: see
 * docs/protocols.md": the first n_explained of them are explained. The length that it needs. */
static size_t list_defects(uint32_t defects, uint32_t n_explained, const char *software, char out[],
                           size_t cap)
{
    const char *before = "";
    size_t n = (size_t)snprintf(out, cap, "%s has known defects: ", software);
    for (uint32_t i = 0, listed = 0; i < MODEL_PROTOCOL_DEFECTS && n < cap; i++) {
        if ((defects >> i & 1) != 0) {
            const model_protocol_defect_words *words =
                model_protocol_defect_of((model_protocol_defect)i);
            const bool is_explained = listed++ < n_explained;
            n += (size_t)snprintf(out + n, cap - n, "%s%s%s%s%s", before, words->name,
                                  is_explained ? " (" : "", is_explained ? words->help : "",
                                  is_explained ? ")" : "");
            before = ", ";
        }
    }
    n += n < cap ? (size_t)snprintf(out + n, cap - n, ": see docs/protocols.md") : 0;
    return n;
}

/* As many are explained as there is room for. */
static void say_defects(uint32_t defects, const char *software, char out[], size_t cap)
{
    uint32_t n_explained = MODEL_PROTOCOL_DEFECTS;
    while (list_defects(defects, n_explained, software, out, cap) >= cap && n_explained > 0) {
        n_explained--;
    }
}

/* Says what there is to say; false: nothing. */
static bool say(const char *software, const char *task, const struct audit_protocol *protocol,
                char out[], size_t cap)
{
    const char *version = audit_protocol_version(software);
    const bool is_followed = protocol != NULL && protocol->is_recorded;
    uint32_t release = 0;
    if (version == NULL) {
        return false;
    }
    if (model_protocol_release_find(&release, version) != MODEL_OK) {
        (void)snprintf(out, cap,
                       "%.64s is none of the known versions, %s to %s: audited without defects of "
                       "a release",
                       software, model_protocol_release_of(0)->first,
                       MODEL_PROTOCOL_RELEASE_NEWEST);
        return is_followed;
    }
    if (model_protocol_release_is_newer(version)) {
        (void)snprintf(out, cap, "%.64s is newer than the known versions: audited as %s", software,
                       MODEL_PROTOCOL_RELEASE_NEWEST);
        return is_followed;
    }
    const uint32_t defects = defects_of(release, task, protocol);
    say_defects(defects, software, out, cap);
    return defects != 0;
}

bool known_defects_tell(struct known_defects_told *told, const char *software, const char *task,
                        const struct audit_protocol *protocol, char out[], size_t cap)
{
    const uint64_t hash = proto_content_bytes(PROTO_CONTENT_START, software, strlen(software));
    for (int i = 0; i < KNOWN_DEFECTS_TOLD; i++) {
        if (told->software[i] == hash) {
            return false;
        }
    }
    if (!say(software, task, protocol, out, cap)) {
        return false;
    }
    told->software[told->n++ % KNOWN_DEFECTS_TOLD] = hash;
    return true;
}
