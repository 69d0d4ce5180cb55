/* rig_fuzz.h - bytes as a rig's file, read through its adapter: as a whole, and as it grows from
 * its half. */
#pragma once

#include "rig_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every event is of a session that started; what is left out names why. */
static inline void rig_fuzz_drain(struct bridge_source *s, bool *is_started)
{
    struct bridge_event event;
    int got = 1;
    while (got != 0) {
        got = bridge_source_next(s, &event);
        *is_started = got == 1 && event.kind == BRIDGE_SESSION_START ? true : *is_started;
        if ((got == 1 && !*is_started) || (got == -1 && s->why.found[0] == '\0')) {
            abort();
        }
    }
}

static inline int rig_fuzz(const struct bridge_adapter *adapter, const char *name,
                           const struct bridge_mapping *map, const uint8_t *data, size_t size)
{
    static struct rig_source rig;
    if (rig.path[0] == '\0') {
        rig_source_file(&rig, name, "");
    }
    for (int part = 0; part < 2; part++) {
        bool is_started = false;
        rig_source_put(&rig, "wb", data, part == 0 ? size : size / 2);
        if (bridge_source_open(&rig.source, adapter, rig.path, map) != 0) {
            continue;
        }
        rig_fuzz_drain(&rig.source, &is_started);
        if (part == 1) {
            rig_source_put(&rig, "ab", data + size / 2, size - size / 2);
            rig_fuzz_drain(&rig.source, &is_started);
        }
        bridge_source_close(&rig.source);
    }
    return 0;
}
