#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/bfloat16.h"

/*
 * The same vector operations for every instruction set: GCC's and Clang's vector extensions, which have + - *
 * and comparisons, and functions for what these lack. This file and those that include it are compiled once
 * for each instruction set, in a namespace of its name (CMakeLists.txt).
 */

// Unrolled early, so that arrays of vectors become registers.
#define TORCH_TL_UNROLL _Pragma("GCC unroll 16")
#define TORCH_TL_INLINE inline __attribute__((always_inline))

namespace torch_tl::TORCH_TL_INSTRUCTIONS {

#ifdef __AVX512F__
inline constexpr std::int64_t kLanes = 16;
#else
inline constexpr std::int64_t kLanes = 8;
#endif

template <typename Value>
using VectorOf __attribute__((vector_size(kLanes * sizeof(Value)))) = Value;
using Vector = VectorOf<float>;
/** Pairs of bfloat16, the first in the lower bits; or the bits of floats. */
using Pairs = VectorOf<std::uint32_t>;

TORCH_TL_INLINE Vector load(const float* values) {
  Vector x;
  __builtin_memcpy(&x, values, sizeof(x));
  return x;
}
TORCH_TL_INLINE Pairs load(const Bfloat16* pairs) {
  Pairs x;
  __builtin_memcpy(&x, pairs, sizeof(x));
  return x;
}
TORCH_TL_INLINE void store(float* values, Vector x) { __builtin_memcpy(values, &x, sizeof(x)); }
TORCH_TL_INLINE Vector every_lane(float value) { return value - Vector{}; }
/** One value, or one pair, in every lane. */
TORCH_TL_INLINE Vector repeat(const float* value) { return every_lane(*value); }
TORCH_TL_INLINE Pairs repeat(const Bfloat16* values) {
  std::uint32_t pair = 0;
  __builtin_memcpy(&pair, values, sizeof(pair));
  return pair - Pairs{};
}

/** a * b + c, rounded once. */
TORCH_TL_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
#ifdef __AVX512F__
  return _mm512_fmadd_ps(a, b, c);
#else
  return _mm256_fmadd_ps(a, b, c);
#endif
}

/** max(0, x); NaN stays NaN, as in LibTorch. */
TORCH_TL_INLINE Vector relu(Vector x) { return x < 0.0F ? Vector{} : x; }

/** The gradient of the input of a ReLU with output y, from dy: kept where y is NaN, as in LibTorch. */
TORCH_TL_INLINE Vector relu_gradient(Vector y, Vector dy) { return y <= 0.0F ? Vector{} : dy; }

#ifdef __AVX512BF16__

/** c + the products of both members of the pairs. */
TORCH_TL_INLINE Vector multiply_add(Pairs a, Pairs b, Vector c) {
  return _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
/** Rounds to the nearest bfloat16, ties to even; NaN stays NaN. */
TORCH_TL_INLINE VectorOf<Bfloat16> rounded(Vector x) {
  return reinterpret_cast<VectorOf<Bfloat16>>(_mm512_cvtneps_pbh(x));
}

#else

TORCH_TL_INLINE Vector first_of(Pairs pairs) { return reinterpret_cast<Vector>(pairs << 16); }
TORCH_TL_INLINE Vector second_of(Pairs pairs) { return reinterpret_cast<Vector>(pairs & 0xFFFF0000U); }
TORCH_TL_INLINE Vector multiply_add(Pairs a, Pairs b, Vector c) {
  return multiply_add(second_of(a), second_of(b), multiply_add(first_of(a), first_of(b), c));
}
TORCH_TL_INLINE VectorOf<Bfloat16> rounded(Vector x) {
  const auto bits = reinterpret_cast<Pairs>(x);
  const Pairs nearest = bits + 0x7FFFU + (bits >> 16 & 1U);
  const Pairs kept = x == x ? nearest : bits | 0x400000U;  // rounding could turn a NaN into a number
  return __builtin_convertvector(kept >> 16, VectorOf<Bfloat16>);
}

#endif

TORCH_TL_INLINE void store(Bfloat16* values, Vector x) {
  const VectorOf<Bfloat16> halves = rounded(x);
  __builtin_memcpy(values, &halves, sizeof(halves));
}
/** Stores pairs of both vectors' values, rounded. */
TORCH_TL_INLINE void store(Bfloat16* pairs, Vector first, Vector second) {
  const Pairs both =
      __builtin_convertvector(rounded(first), Pairs) | __builtin_convertvector(rounded(second), Pairs) << 16;
  __builtin_memcpy(pairs, &both, sizeof(both));
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
