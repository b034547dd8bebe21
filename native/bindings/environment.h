#pragma once

#include <napi.h>

#include "bindings/job.h"

namespace torch_tl {

/** What each Node environment (the main thread, each Worker) has of its own; nothing here is static. */
struct Environment {
  explicit Environment(Napi::Env env) : jobs(env) {}

  JobQueue jobs;
  Napi::FunctionReference error_class;  // lib/errors.ts' TorchTlError
  Napi::FunctionReference model_class;
  Napi::FunctionReference dataset_class;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

}  // namespace torch_tl
