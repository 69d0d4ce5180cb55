#include "kernel.h"
#include "kernel_levels.h"

KERNEL_LEVELS(model_kernel)
