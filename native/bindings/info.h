#pragma once

#include <napi.h>

namespace torch_tl {

/** info(): EngineInfo of lib/native.ts */
Napi::Value engine_info(const Napi::CallbackInfo& info);

/** setThreads(n): for the jobs that are submitted from now on */
void set_threads(const Napi::CallbackInfo& info);

/** setReference(wanted): the same */
void set_reference(const Napi::CallbackInfo& info);

}  // namespace torch_tl
