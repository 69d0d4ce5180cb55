#include "cohort_kernel.h"
#include "kernel_levels.h"

KERNEL_LEVELS(cohort_kernel)
