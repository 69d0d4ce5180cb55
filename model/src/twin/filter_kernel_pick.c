#include "filter_kernel.h"
#include "kernel_levels.h"

KERNEL_LEVELS(filter_kernel)
