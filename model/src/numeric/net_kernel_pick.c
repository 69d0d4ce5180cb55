#include "kernel_levels.h"
#include "net_kernel.h"

KERNEL_LEVELS(model_kernel)
