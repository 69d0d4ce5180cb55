#include "example.h"

static const uint32_t AGAIN_US = 100000;

static uint32_t mix(uint32_t n)
{
    uint32_t x = n + UINT32_C(0x9E3779B9);
    x ^= x >> 16;
    x *= UINT32_C(0x7FEB352D);
    x ^= x >> 15;
    x *= UINT32_C(0x846CA68B);
    x ^= x >> 16;
    return x;
}

void example_trial(uint32_t n, proto_serial_trial *out)
{
    const uint32_t h = mix(n);
    const int16_t contrast = (int16_t)((int16_t)(h % 9U) * 2500 - 10000);
    const uint8_t side = contrast != 0 ? contrast > 0 : (uint8_t)((h >> 4) & 1U);
    const bool has_choice = ((h >> 5) & 0x1FU) != 0;
    const uint8_t choice = ((h >> 10) & 3U) != 0 ? side : (uint8_t)(1 - side);
    const bool is_right = has_choice && choice == side;
    *out = (proto_serial_trial){
        .contrast = contrast,
        .choice = has_choice ? choice : PROTO_SERIAL_NIL_U8,
        .reward = is_right,
        .side = side,
        .rt_ms = has_choice ? (uint16_t)(200U + ((h >> 12) & 0x3FFU)) : PROTO_SERIAL_NIL_U16,
        .flags = ((h >> 22) & 7U) == 0 ? PROTO_SERIAL_FLAG_REPEAT : 0,
        .reward_nl = is_right ? 3000 : 0,
    };
}

/* Shows the stimulus, and again until the mouse's choice has come. */
static void poll_question(example_task *task, device *d, int16_t contrast, uint32_t now)
{
    if (!task->is_shown || hal_is_past(now, task->again_us)) {
        (void)device_push_stimulus(d, contrast);
        task->is_shown = true;
        task->again_us = now + AGAIN_US;
    }
    if (device_take_choice(d, &task->choice)) {
        task->has_choice = true;
        task->due_us = now + task->period_us;
    }
}

static void take_choice(const proto_serial_choice *choice, proto_serial_trial *trial)
{
    trial->choice = choice->choice;
    trial->rt_ms = choice->rt_ms;
    trial->reward = choice->choice == trial->side;
    trial->reward_nl = trial->reward != 0 ? 3000 : 0;
}

void example_task_poll(example_task *task, device *d)
{
    const uint32_t now = d->hal->now_us(d->hal->user);
    if (task->is_over) {
        return;
    }
    if (d->n_trials == task->total) {
        task->is_over = device_push_end(d);
        return;
    }
    proto_serial_trial trial;
    example_trial(d->n_trials, &trial);
    if (task->asks && !task->has_choice) {
        poll_question(task, d, trial.contrast, now);
        return;
    }
    if (task->asks) {
        take_choice(&task->choice, &trial);
    } else if (!task->is_shown) {
        (void)device_push_stimulus(d, trial.contrast);
        task->is_shown = true;
        task->due_us = now + task->period_us;
    }
    if (hal_is_past(now, task->due_us) && device_push_trial(d, &trial)) {
        task->is_shown = false;
        task->has_choice = false;
    }
}
