#include "model/engagement_sim.h"

#include <math.h>
#include <string.h>

enum { N_STATES = MODEL_ENGAGEMENT_STATES, ENGAGED = MODEL_ENGAGEMENT_ENGAGED };

/* Streams of a seed, far from those of model/virtual_mouse.h. */
static const uint64_t STREAMS = UINT64_C(1) << 61;

/* Logarithms by which leaving grows and coming back shrinks: the moves of model/engagement.h are
 * those of a session's middle, 17% out; a rested animal is out 7% of the time, a tired one half. */
static const double RESTED = -0.5;
static const double TIRING = 1.3;
static const double TIRED_MOST = 2.0;

/* Of log reaction times, in standard deviations of an engaged animal's: so that they fall between
 * its quantiles as rt_out of model/engagement.h says. */
static const double OUT_SHIFT = 1.0;
static const double OUT_WIDTH = 1.15;

void model_engagement_sim_default(model_engagement_sim_params *params)
{
    *params = (model_engagement_sim_params){.tired_trials = 600.0};
    model_engagement_default(&params->play);
}

void model_engagement_sim_steady(model_engagement_sim_params *params)
{
    model_engagement_sim_default(params);
    params->tired_trials = 0.0;
    params->play.slip = 0.0;
    params->play.no_go = 0.0;
    for (int to = 0; to < N_STATES; to++) {
        params->play.start[to] = to == ENGAGED ? 1.0 : 0.0;
        for (int from = 0; from < N_STATES; from++) {
            params->play.move[from][to] = params->play.start[to];
        }
    }
}

void model_engagement_sim_init(model_engagement_sim *sim, const model_engagement_sim_params *params,
                               uint64_t seed, uint64_t number)
{
    memset(sim, 0, sizeof *sim);
    model_random_seed(&sim->random, seed, STREAMS + number);
    model_engagement_sim_start_session(sim, params);
}

static int64_t draw(double u, const double p[])
{
    int64_t i = 0;
    while (i < N_STATES - 1 && u >= p[i]) {
        u -= p[i++];
    }
    return i;
}

void model_engagement_sim_start_session(model_engagement_sim *sim,
                                        const model_engagement_sim_params *params)
{
    sim->habit = 0.5;
    sim->n_session = 0;
    sim->state = draw(model_random_uniform(&sim->random), params->play.start);
}

/* Moves from the state it is in, as tired as it is. */
static void fill_moves(const model_engagement_sim *sim, const model_engagement_sim_params *params,
                       double p[])
{
    const int64_t from = sim->state;
    memcpy(p, params->play.move[from], N_STATES * sizeof p[0]);
    if (!(params->tired_trials > 0.0)) {
        return;
    }
    const double tired =
        fmin(RESTED + TIRING * (double)sim->n_session / params->tired_trials, TIRED_MOST);
    const double factor = exp(from == ENGAGED ? tired : -tired);
    const double plays = p[ENGAGED];
    const double moved = from == ENGAGED ? fmin((1.0 - plays) * factor, 1.0) : plays * factor;
    const double now = from == ENGAGED ? 1.0 - moved : fmin(moved, 1.0);
    for (int to = 0; to < N_STATES; to++) {
        p[to] = to == ENGAGED ? now : plays < 1.0 ? p[to] * (1.0 - now) / (1.0 - plays) : 0.0;
    }
}

/* The same law as model_virtual_mouse_draw_rt_s(), slower and wider while it does not play. */
static double reaction_s(double p_right, bool plays, double normal)
{
    const double drive = log(fmax(p_right, 1e-12)) - log(fmax(1.0 - p_right, 1e-12));
    const double doubt = exp(-0.5 * fabs(drive));
    const double z = plays ? normal : OUT_SHIFT + OUT_WIDTH * normal;
    return 0.2 + (0.2 + 0.5 * doubt) * exp(0.4 * z);
}

model_engagement_sim_act model_engagement_sim_next(model_engagement_sim *sim,
                                                   const model_engagement_sim_params *params,
                                                   double p_right)
{
    const model_engagement_params *play = &params->play;
    const bool plays = sim->state == ENGAGED;
    const double habit = 0.5 + play->habit * (sim->habit - 0.5);
    model_engagement_sim_act act = {
        .state = (model_engagement_state)sim->state,
        .p_right = plays ? (1.0 - play->slip) * p_right + 0.5 * play->slip : habit,
        .p_no_go = sim->state == MODEL_ENGAGEMENT_AWAY ? play->no_go_away : play->no_go,
        .rt_s = reaction_s(p_right, plays, model_random_normal(&sim->random)),
    };
    act.choice = model_random_uniform(&sim->random) < act.p_right ? 1 : 0;
    if (model_random_uniform(&sim->random) < act.p_no_go) {
        act.choice = -1;
        act.rt_s = (double)NAN;
    } else {
        sim->habit += ((double)act.choice - sim->habit) / play->habit_trials;
    }
    double moves[N_STATES];
    fill_moves(sim, params, moves);
    sim->state = draw(model_random_uniform(&sim->random), moves);
    sim->n_session++;
    return act;
}

const char *model_engagement_sim_state_name(model_engagement_state state)
{
    static const char *const NAMES[] = {"engaged", "lapsing", "away"};
    _Static_assert(sizeof NAMES / sizeof NAMES[0] == MODEL_ENGAGEMENT_STATES, "a name for each");
    return state < MODEL_ENGAGEMENT_STATES ? NAMES[state] : NULL;
}
