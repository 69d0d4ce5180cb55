#include "gemm_kernel.h"
#include "kernel_levels.h"

KERNEL_LEVELS(gemm_kernel)
