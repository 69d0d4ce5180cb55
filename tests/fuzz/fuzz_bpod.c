/* Any bytes as a session of Bpod, which is read as a whole: half of them first, then all. */
#include "rig_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every event is of a session that started; what is left out is named. */
static void drain(struct bridge_source *s, bool *is_started)
{
    struct bridge_event event;
    int got = 1;
    while (got != 0) {
        got = bridge_source_next(s, &event);
        *is_started = *is_started || (got == 1 && event.kind == BRIDGE_SESSION_START);
        if ((got == 1 && !*is_started) || (got == -1 && s->why.found[0] == '\0')) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rig_source rig;
    bool is_started = false;
    if (rig.path[0] == '\0') {
        rig_source_file(&rig, "m1_Light2AFC_20240312_101112.mat", "");
    }
    rig_source_put(&rig, "wb", data, size / 2);
    if (bridge_source_open(&rig.source, &BRIDGE_ADAPTER_bpod, rig.path, NULL) != 0) {
        abort();
    }
    drain(&rig.source, &is_started);
    rig_source_put(&rig, "wb", data, size);
    drain(&rig.source, &is_started);
    bridge_source_close(&rig.source);
    return 0;
}
