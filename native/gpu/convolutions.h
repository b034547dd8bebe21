#pragma once

#include "gpu/primitives.h"

namespace torch_tl::gpu {

/* The backbone's convolutions that are not products of rows. */

inline constexpr ConvolutionShape kConv0{.stride = 2, .padding = 3};
inline constexpr ConvolutionShape kConv2{.stride = 1, .padding = 1};

}  // namespace torch_tl::gpu
