/* filter_mode.h - where the posterior of a choice has its mode, for the filter and its derivatives.
 *
 * Threads: any. Memory: none.
 */
#pragma once

/* sigmoid(-A) at the root A of A = M + v sigmoid(-A): M is the margin of the choice that was made
 * before it was seen, v >= 0 its variance. */
double filter_mode(double M, double v);
