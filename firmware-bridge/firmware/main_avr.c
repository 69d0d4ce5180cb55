/* The example task on an Arduino Uno: EXAMPLE_TRIALS trials, one every EXAMPLE_PERIOD_MS (0: as
 * fast as the host takes them), then quiet. */
#include "example.h"
#include "hal_avr.h"

#ifndef EXAMPLE_TRIALS
#define EXAMPLE_TRIALS 1000
#endif
#ifndef EXAMPLE_PERIOD_MS
#define EXAMPLE_PERIOD_MS 0
#endif
#ifndef EXAMPLE_ASKS
#define EXAMPLE_ASKS 0 /* 1: a virtual mouse, for its choices */
#endif

static device the_device;

int main(void)
{
    example_task task = {.total = EXAMPLE_TRIALS,
                         .period_us = EXAMPLE_PERIOD_MS * UINT32_C(1000),
                         .asks = EXAMPLE_ASKS != 0};
    device_init(&the_device, hal_avr_open(), "murid-uno");
    for (;;) {
        example_task_poll(&task, &the_device);
        device_poll(&the_device);
        hal_avr_idle();
    }
}
