#pragma once

/*
 * For functions that run on AVX2 alone, which `has_kernels` tells: the rest of the engine runs without it.
 * Nothing is defined here for other kinds of processors.
 */
#ifdef __x86_64__
#include <immintrin.h>

#define TORCH_TL_AVX2 __attribute__((target("avx2,fma")))
// Early, so that arrays of vectors are registers.
#define TORCH_TL_UNROLL _Pragma("GCC unroll 8")
#endif
