#pragma once

namespace torch_tl {

/** Instruction sets of this processor that the choice of precision and kernels depends on. */
struct CpuFeatures {
  bool avx2 = false;    // with FMA
  bool avx512 = false;  // F, BW and VL
  bool avx512_bf16 = false;
  bool amx_bf16 = false;

  /** Whether it has instructions for products of bfloat16. */
  bool bf16() const { return avx512_bf16 || amx_bf16; }
};

const CpuFeatures& cpu_features();

}  // namespace torch_tl
