/* Any bytes as a file of lines, with a mapping that the first byte chooses; and from a serial port.
 */
#include "adapter_fuzz.h"
#include "stream_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const CHOSEN[][4] = {
        {"columns.stimulus=s", "columns.choice=c"},
        {"columns.stimulus=s", "columns.choice=c", "columns.stage=t"},
        {"lines.columns=stimulus,choice", "lines.comment=#"},
        {"columns.contrast_left=l", "columns.contrast_right=r", "columns.correct=c"},
    };
    if (size == 0) {
        return 0;
    }
    const struct bridge_mapping *map =
        data[0] == 'p'
            ? MAPS("lines.pattern=([-0-9.]+) ([RL])", "columns.stimulus=1", "columns.choice=2")
            : maps_of(CHOSEN[data[0] % 4]);
    (void)stream_fuzz_bytes("lines", map, data + 1, size - 1);
    return adapter_fuzz(&BRIDGE_ADAPTER_lines, "x.csv", map, data + 1, size - 1);
}
