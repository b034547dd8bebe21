#pragma once

#include <napi.h>

namespace torch_tl {

/** info(): EngineInfo of lib/engine/native.ts */
Napi::Value engine_info(const Napi::CallbackInfo& info);

}  // namespace torch_tl
