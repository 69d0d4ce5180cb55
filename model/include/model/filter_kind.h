/* model/filter_kind.h - the filters that hold a twin's weights: how a choice enters.
 *
 * What is known of the weights is a normal distribution. Maths: docs/model.md, section filter.
 * Threads: any; all of it is const. Memory: static.
 */
#pragma once

/* X(NAME, name, what is taken of the posterior) */
#define MODEL_FILTER_LIST(X)                                                                       \
    X(EKF, ekf, "its mode, and the curvature there")                                               \
    X(MOMENTS, moments, "its mean and covariance")

#define MODEL_FILTER_ENUM(NAME, name, what) MODEL_FILTER_##NAME,
typedef enum { MODEL_FILTER_LIST(MODEL_FILTER_ENUM) MODEL_FILTERS } model_filter;
#undef MODEL_FILTER_ENUM

/* Name of a filter; NULL outside the list. Valid forever. */
const char *model_filter_name(model_filter filter);

/* MODEL_OK, or MODEL_ERR_ARG with *out unchanged. */
int model_filter_parse(model_filter *out, const char *name);
