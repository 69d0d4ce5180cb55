#include "kernel_levels.h"
#include "likelihood_kernel.h"

KERNEL_LEVELS(likelihood_kernel)
