#pragma once

namespace torch_tl {

/** What this processor can do, as far as the choice of precision and kernels depends on it. */
struct CpuFeatures {
  bool avx2 = false;    // with FMA
  bool avx512 = false;  // F, BW and VL
  bool avx512_bf16 = false;
  bool amx_bf16 = false;

  /** Matrix products on bfloat16 in hardware. */
  bool bf16() const { return avx512_bf16 || amx_bf16; }
};

const CpuFeatures& cpu_features();

}  // namespace torch_tl
