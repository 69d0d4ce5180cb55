#include "cohort_kernel.h"

#include <math.h>
#include <string.h>

#include "exp_fast.h"
#include "kernel_levels.h"

#define RULE_REAL float
#include "rules.h"

enum { N = COHORT_LANES };

#define EACH_LANE(i) for (size_t i = 0; i < N; i++)

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float pick(uint32_t mask, float a, float b)
{
    return float_of((bits_of(a) & mask) | (bits_of(b) & ~mask));
}

/* log(x) for normal x > 0, off by less than 1e-7 relative to the larger of 1 and the result:
 * 2 artanh((m - 1) / (m + 1)) with m in sqrt(1/2)..sqrt(2), and the exponent's share. */
static inline float log_fast(float x)
{
    static const uint32_t ROOT_HALF = 0x3f3504f3;
    const uint32_t shifted = bits_of(x) + (0x3f800000 - ROOT_HALF);
    const float e = (float)((int32_t)(shifted >> 23) - 127);
    const float m = float_of((shifted & 0x007fffff) + ROOT_HALF);
    const float s = (m - 1.0F) / (m + 1.0F);
    const float z = s * s;
    float sum = 2.0F / 9.0F;
    sum = sum * z + 2.0F / 7.0F;
    sum = sum * z + 2.0F / 5.0F;
    sum = sum * z + 2.0F / 3.0F;
    sum = sum * z + 2.0F;
    return e * 0.693147181F + s * sum;
}

static inline uint32_t rotate_left(uint32_t x, int k)
{
    return x << k | x >> (32 - k);
}

static inline uint32_t draw(cohort_random *r, size_t i, uint32_t mask)
{
    uint32_t s0 = r->s[0][i];
    uint32_t s1 = r->s[1][i];
    uint32_t s2 = r->s[2][i];
    uint32_t s3 = r->s[3][i];
    const uint32_t result = rotate_left(s0 + s3, 7) + s0;
    const uint32_t t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotate_left(s3, 11);
    r->s[0][i] = (s0 & mask) | (r->s[0][i] & ~mask);
    r->s[1][i] = (s1 & mask) | (r->s[1][i] & ~mask);
    r->s[2][i] = (s2 & mask) | (r->s[2][i] & ~mask);
    r->s[3][i] = (s3 & mask) | (r->s[3][i] & ~mask);
    return result;
}

/* 0 to 2^24 - 1, exact as float. */
static inline float top_bits(uint32_t bits)
{
    return (float)(int32_t)(bits >> 8);
}

static void choose(cohort_random *r, const uint32_t mask[], const cohort_row p_right,
                   uint8_t chose_right[])
{
    EACH_LANE(i)
    {
        const float u = top_bits(draw(r, i, mask[i])) * 0x1p-24F;
        const uint8_t drawn = u < p_right[i] ? 1 : 0;
        const uint8_t kept = (uint8_t)mask[i];
        chose_right[i] = (uint8_t)((drawn & kept) | (chose_right[i] & (uint8_t)~kept));
    }
}

/* Box & Muller, both branches. The angle is a quarter turn times q + f, |f| <= 1/2. */
static void normal(cohort_random *r, const uint32_t mask[], cohort_row a, cohort_row b)
{
    EACH_LANE(i)
    {
        const float u = (top_bits(draw(r, i, mask[i])) + 1.0F) * 0x1p-24F;
        const float radius = sqrtf(-2.0F * log_fast(u));
        const float turn = top_bits(draw(r, i, mask[i])) * 0x1p-22F;
        const int32_t q = (int32_t)(turn + 0.5F);
        const float t = (turn - (float)q) * 1.57079633F;
        const float z = t * t;
        float sine = 1.0F / 362880.0F;
        sine = sine * z - 1.0F / 5040.0F;
        sine = sine * z + 1.0F / 120.0F;
        sine = sine * z - 1.0F / 6.0F;
        sine = (sine * z + 1.0F) * t;
        float cosine = 1.0F / 40320.0F;
        cosine = cosine * z - 1.0F / 720.0F;
        cosine = cosine * z + 1.0F / 24.0F;
        cosine = cosine * z - 0.5F;
        cosine = cosine * z + 1.0F;
        const uint32_t is_odd = (uint32_t) - (q & 1);
        const uint32_t sine_sign = (uint32_t)(q & 2) << 30;
        const uint32_t cosine_sign = (uint32_t)((q + 1) & 2) << 30;
        const float x = pick(is_odd, sine, cosine);
        const float y = pick(is_odd, cosine, sine);
        a[i] = radius * float_of(bits_of(x) ^ cosine_sign);
        b[i] = radius * float_of(bits_of(y) ^ sine_sign);
    }
}

static void transform_row(model_transform transform, const float contrast[], cohort_row x)
{
    if (transform == MODEL_TRANSFORM_NONE) {
        memcpy(x, contrast, sizeof(cohort_row));
        return;
    }
    EACH_LANE(i)
    {
        const float size = fabsf(contrast[i]);
        const float t = (1.0F - 2.0F / (1.0F + exp_fast(10.0F * size))) * 1.00009080F;
        x[i] = size > 0.0F ? copysignf(t, contrast[i]) : 0.0F;
    }
}

static void load(model_transform transform, const model_cohort_trials *trials, size_t from,
                 size_t lanes, cohort_trial *trial)
{
    cohort_row contrast = {0.0F};
    memcpy(contrast, trials->contrast + from, lanes * sizeof(float));
    transform_row(transform, contrast, trial->stimulus);
    for (size_t i = 0; i < lanes; i++) {
        trial->mask[i] = trials->active == NULL || trials->active[from + i] != 0 ? ~UINT32_C(0) : 0;
        trial->choice[i] = trials->chose_right[from + i] != 0 ? 1.0F : 0.0F;
        const int8_t stated = trials->side != NULL ? trials->side[from + i] : -1;
        trial->side[i] = (float)model_trial_side(stated, (double)trial->stimulus[i]);
        const float reward = trials->reward != NULL ? trials->reward[from + i] : 0.5F;
        trial->reward[i] = reward >= 0.0F ? reward : 0.5F;
    }
    for (size_t i = 0; i < lanes && trials->rt_s != NULL; i++) {
        const float rt_s = trials->rt_s[from + i];
        const float in = rt_s < 0.1F ? 0.1F : rt_s > 100.0F ? 100.0F : rt_s;
        const float scaled = log_fast(in >= 0.1F ? in : 1.0F) * (0.434294482F / 3.0F) + 1.0F / 3.0F;
        trial->rt[i] = rt_s >= 0.0F ? scaled : 0.5F;
    }
    for (size_t i = trials->rt_s != NULL ? lanes : 0; i < N; i++) {
        trial->rt[i] = 0.5F;
    }
    for (size_t i = lanes; i < N; i++) {
        trial->mask[i] = 0;
        trial->choice[i] = 0.0F;
        trial->side[i] = 0.0F;
        trial->reward[i] = 0.0F;
    }
}

static void feature(model_feature which, const cohort_block *b, const cohort_row x, cohort_row g)
{
    switch (which) {
    case MODEL_FEATURE_STIMULUS:
        memcpy(g, x, sizeof(cohort_row));
        return;
    case MODEL_FEATURE_STIMULUS_RIGHT:
        EACH_LANE(i)
        {
            g[i] = x[i] > 0.0F ? x[i] : 0.0F;
        }
        return;
    case MODEL_FEATURE_STIMULUS_LEFT:
        EACH_LANE(i)
        {
            g[i] = x[i] < 0.0F ? x[i] : 0.0F;
        }
        return;
    case MODEL_FEATURE_BIAS:
        EACH_LANE(i)
        {
            g[i] = 1.0F;
        }
        return;
    case MODEL_FEATURE_PREV_CHOICE:
        memcpy(g, b->last_choice, sizeof(cohort_row));
        return;
    case MODEL_FEATURE_PREV_STIMULUS:
        memcpy(g, b->last_stimulus, sizeof(cohort_row));
        return;
    case MODEL_FEATURE_WIN_STAY:
        EACH_LANE(i)
        {
            g[i] = b->last_choice[i] * b->last_reward[i];
        }
        return;
    case MODEL_FEATURE_LOSE_SWITCH:
        EACH_LANE(i)
        {
            g[i] = -b->last_choice[i] * (1.0F - b->last_reward[i]);
        }
        return;
    case MODEL_FEATURE_CHOICE_TRACE:
        memcpy(g, b->choice_trace, sizeof(cohort_row));
        return;
    case MODEL_FEATURES:
    default:
        memset(g, 0, sizeof(cohort_row));
        return;
    }
}

/* p = sigmoid((w + o) . g); o NULL: without. */
static void probability(const model_policy *policy, const cohort_block *block, const cohort_row x,
                        bool with_offset, cohort_row p)
{
    cohort_row sum = {0.0F};
    for (uint32_t k = 0; k < policy->n; k++) {
        cohort_row g;
        feature(policy->feature[k], block, x, g);
        const double *w = block->w[k];
        const float *o = block->offset[k];
        EACH_LANE(i)
        {
            sum[i] += ((float)w[i] + (with_offset ? o[i] : 0.0F)) * g[i];
        }
    }
    EACH_LANE(i)
    {
        p[i] = sigmoid_fast(sum[i]);
    }
}

static void predict(const model_policy *policy, const cohort_block *block,
                    const cohort_row contrast, cohort_row p_right)
{
    cohort_row x;
    transform_row(policy->transform, contrast, x);
    probability(policy, block, x, true, p_right);
}

static void fill(size_t n_inputs, size_t k, const cohort_block *block, const cohort_trial *trial,
                 cohort_row in[])
{
    for (size_t j = 0; j < k; j++) {
        EACH_LANE(i)
        {
            in[j][i] = (float)block->w[j][i];
        }
    }
    cohort_row *to = in + k;
    EACH_LANE(i)
    {
        to[0][i] = trial->stimulus[i];
        to[1][i] = 1.0F;
        to[2][i] = block->is_start[i];
        to[3][i] = trial->choice[i];
        to[4][i] = trial->reward[i];
        to[5][i] = trial->side[i] > 0.0F ? 1.0F : 0.0F;
    }
    if (n_inputs > MODEL_RULE_INPUTS) {
        EACH_LANE(i)
        {
            to[6][i] = trial->rt[i];
            to[7][i] = block->n_session[i] / (block->n_session[i] + 200.0F);
            to[8][i] = log_fast(1.0F + block->n_training[i]) * 0.1F;
        }
    }
}

static void gates(size_t n, const float sums[], const uint32_t mask[], float h[])
{
    for (size_t at = 0; at < n; at += N) {
        const float *s = sums + at;
        float *to = h + at;
        EACH_LANE(i)
        {
            const float r = sigmoid_fast(s[n + i]);
            const float z = sigmoid_fast(s[2 * n + i]);
            const float c = tanh_fast(s[i] + r * s[3 * n + i]);
            to[i] = pick(mask[i], c + z * (to[i] - c), to[i]);
        }
    }
}

/* As rule_ops_see() says it. */
static void correct_side(const cohort_trial *trial, cohort_row side)
{
    EACH_LANE(i)
    {
        const float told = trial->choice[i] > 0.5F ? trial->reward[i] : 1.0F - trial->reward[i];
        side[i] = trial->side[i] >= 0.0F ? trial->side[i] : told;
    }
}

/* A loop a rule, with its term compiled into it; a net's gains stand in dw. */
static void step_weight(const model_rule *rule, uint32_t k, const cohort_trial *trial,
                        const cohort_row p, const cohort_row g, const cohort_row side,
                        float trace[], float dw[])
{
    const float rate = (float)rule->rate[k];
    const float baseline = (float)rule->baseline[k];
    const float decay = (float)rule->decay[k];
#define STEP_CASE(NAME, name)                                                                      \
    case MODEL_RULE_##NAME:                                                                        \
        if (!rule_##name.traits.is_gain) {                                                         \
            memset(dw, 0, sizeof(cohort_row));                                                     \
        }                                                                                          \
        for (size_t i = 0; i < N && rule_##name.term != NULL; i++) {                               \
            const rule_sight seen = {side[i], p[i], trial->choice[i], trial->reward[i], baseline}; \
            const rule_term t = rule_##name.term(&seen);                                           \
            if (rule_##name.traits.has_trace) {                                                    \
                const float e = decay * trace[i] + (1.0F - decay) * t.value * g[i];                \
                trace[i] = pick(trial->mask[i], e, trace[i]);                                      \
                dw[i] = rate * t.gain * e;                                                         \
            } else if (rule_##name.traits.is_gain) {                                               \
                dw[i] *= t.value * g[i];                                                           \
            } else {                                                                               \
                dw[i] = rate * t.value * g[i];                                                     \
            }                                                                                      \
        }                                                                                          \
        return;
    switch (rule->kind) {
        MODEL_RULE_LIST(STEP_CASE)
    case MODEL_RULES:
    default:
        memset(dw, 0, sizeof(cohort_row));
    }
}

/* The terms of each animal's trial that multiply g. */
static void see_terms(const cohort_block *block, const cohort_trial *trial, const cohort_row p,
                      cohort_row term[MODEL_BASIS_STEPS])
{
    EACH_LANE(i)
    {
        rule_basis_value each[MODEL_BASIS_STEPS];
        const rule_sight seen = {.p = p[i], .choice = trial->choice[i], .reward = trial->reward[i]};
        rule_basis_values(&seen, block->memory[i], fabsf(trial->stimulus[i]), each);
        for (size_t k = 0; k < MODEL_BASIS_STEPS; k++) {
            term[k][i] = each[k].value;
        }
    }
}

/* dw of weight k; e is of the trials before, then this one is added to it. */
static void step_weight_by_terms(const model_rule *rule, uint32_t k, cohort_block *block,
                                 const cohort_trial *trial, const cohort_row p, const cohort_row g,
                                 cohort_row term[MODEL_BASIS_STEPS], float dw[])
{
    const float by_trace = (float)rule->coefficient[MODEL_BASIS_TRACE][k];
    const float forgotten = (float)rule->coefficient[MODEL_BASIS_FORGETTING][k];
    const float decay = (float)rule->decay[k];
    const double *w = block->w[k];
    float *e = block->trace[k];
    cohort_row value = {0.0F};
    for (size_t j = 0; j < MODEL_BASIS_STEPS; j++) {
        const float c = (float)rule->coefficient[j][k];
        EACH_LANE(i)
        {
            value[i] += c * term[j][i];
        }
    }
    EACH_LANE(i)
    {
        const float learned = value[i] * g[i] + by_trace * trial->reward[i] * e[i];
        const float traced = decay * e[i] + (1.0F - decay) * (trial->choice[i] - p[i]) * g[i];
        dw[i] = learned - forgotten * ((float)w[i] + learned);
        e[i] = pick(trial->mask[i], traced, e[i]);
    }
}

static void step_terms(const model_rule *rule, const model_policy *policy, cohort_block *block,
                       const cohort_trial *trial, const cohort_row p, cohort_row dw[])
{
    const float decay = (float)rule->memory;
    cohort_row term[MODEL_BASIS_STEPS];
    see_terms(block, trial, p, term);
    for (uint32_t k = 0; k < policy->n; k++) {
        cohort_row g;
        feature(policy->feature[k], block, trial->stimulus, g);
        step_weight_by_terms(rule, k, block, trial, p, g, term, dw[k]);
    }
    EACH_LANE(i)
    {
        const float m =
            decay * block->memory[i] + (1.0F - decay) * (2.0F * trial->reward[i] - 1.0F);
        block->memory[i] = pick(trial->mask[i], m, block->memory[i]);
    }
}

static void step(const model_rule *rule, const model_policy *policy, cohort_block *block,
                 const cohort_trial *trial, cohort_row dw[])
{
    cohort_row p;
    cohort_row side;
    probability(policy, block, trial->stimulus, false, p);
    if (model_rule_of(rule->kind)->has_terms) {
        step_terms(rule, policy, block, trial, p, dw);
        return;
    }
    correct_side(trial, side);
    for (uint32_t k = 0; k < policy->n; k++) {
        cohort_row g;
        feature(policy->feature[k], block, trial->stimulus, g);
        step_weight(rule, k, trial, p, g, side, block->trace[k], dw[k]);
    }
}

static const float MOVE_MAX = 1e6F;

/* ~0 where every step is finite and leads to a weight that is believed. */
static void judge(size_t n, bool is_offset, const cohort_block *block, cohort_row dw[],
                  uint32_t moves[])
{
    memset(moves, 0xff, N * sizeof moves[0]);
    for (size_t k = 0; k < n; k++) {
        EACH_LANE(i)
        {
            const float to = (is_offset ? 0.0F : (float)block->w[k][i]) + dw[k][i];
            moves[i] &= fabsf(to) <= MOVE_MAX ? ~UINT32_C(0) : 0;
        }
    }
}

static void push(cohort_block *b, const cohort_trial *trial)
{
    EACH_LANE(i)
    {
        const uint32_t m = trial->mask[i];
        const float c = 2.0F * trial->choice[i] - 1.0F;
        b->last_stimulus[i] = pick(m, trial->stimulus[i], b->last_stimulus[i]);
        b->last_choice[i] = pick(m, c, b->last_choice[i]);
        b->last_reward[i] = pick(m, trial->reward[i], b->last_reward[i]);
        b->choice_trace[i] = pick(m, 0.9F * b->choice_trace[i] + 0.1F * c, b->choice_trace[i]);
        b->is_start[i] = pick(m, 0.0F, b->is_start[i]);
        b->n_session[i] += pick(m, 1.0F, 0.0F);
        b->n_training[i] += pick(m, 1.0F, 0.0F);
    }
}

/* w += what is to be added where the animal moves. */
static void move(const cohort_motion *motion, size_t k, bool is_offset, const uint32_t moves[],
                 const cohort_row dw, const cohort_row drawn, cohort_block *block)
{
    const float sd = motion->drift_sd[k];
    const float rate = motion->rate[k];
    const float *anchor = block->anchor[k];
    double *w = block->w[k];
    float *o = block->offset[k];
    EACH_LANE(i)
    {
        const float rule = is_offset ? 0.0F : pick(moves[i], dw[i], 0.0F);
        const float drift = sd * drawn[i] + rate * (anchor[i] - (float)w[i]);
        o[i] = is_offset ? pick(moves[i], dw[i], o[i]) : o[i];
        w[i] += (double)rule + (double)pick(moves[i], drift, 0.0F);
    }
}

static size_t finish(const model_policy *policy, bool is_offset, const cohort_motion *motion,
                     cohort_row dw[], cohort_block *block, const cohort_trial *trial)
{
    cohort_row noise[2];
    uint32_t moves[N];
    uint32_t n_still = 0;
    for (uint32_t k = 0; k < policy->n; k++) {
        const float scale = motion->scale[k];
        EACH_LANE(i)
        {
            dw[k][i] *= is_offset ? scale : scale * block->pace[i];
        }
    }
    judge(policy->n, is_offset, block, dw, moves);
    EACH_LANE(i)
    {
        n_still += ~moves[i] & trial->mask[i] & 1;
        moves[i] &= trial->mask[i];
    }
    for (uint32_t k = 0; k < policy->n; k++) {
        if (k % 2 == 0) {
            normal(&block->noise, trial->mask, noise[0], noise[1]);
        }
        move(motion, k, is_offset, moves, dw[k], noise[k % 2], block);
    }
    push(block, trial);
    return n_still;
}

KERNEL_LEVEL(cohort_kernel, load, predict, choose, normal, fill, gates, step, finish)
