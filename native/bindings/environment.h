#pragma once

#include <napi.h>

#include "bindings/job.h"

namespace torch_tl {

/** The state of one Node environment (the main thread or a Worker); nothing of it is static. */
struct Environment {
  explicit Environment(Napi::Env env) : jobs(env) {}

  JobQueue jobs;
  Napi::FunctionReference error_class;  // lib/errors.ts' TorchTlError
  Napi::FunctionReference model_class;
  Napi::FunctionReference dataset_class;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

}  // namespace torch_tl
