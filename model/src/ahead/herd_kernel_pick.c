#include "herd_kernel.h"
#include "kernel_levels.h"

KERNEL_LEVELS(herd_kernel)
