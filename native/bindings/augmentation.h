#pragma once

#include <napi.h>

#include "data/augmentation.h"

namespace torch_tl {

/** Reads `AugmentationOptions` of lib/engine/native-training.ts. */
AugmentationOptions to_augmentation_options(const Napi::Object& value);

}  // namespace torch_tl
