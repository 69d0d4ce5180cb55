#include "fit_kernel.h"
#include "kernel_levels.h"

KERNEL_LEVELS(fit_kernel)
