#pragma once

#include <cstdint>

namespace torch_tl {

/** The upper half of a float32's bits. */
using Bfloat16 = std::uint16_t;

}  // namespace torch_tl
