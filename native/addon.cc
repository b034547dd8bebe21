#include <ATen/Context.h>
#include <napi.h>

#include <memory>

#include "bindings/dataset.h"
#include "bindings/environment.h"
#include "bindings/group.h"
#include "bindings/info.h"
#include "bindings/model.h"
#include "device/captured_work.h"
#include "environment_variable.h"
#include "kernels/kernels.h"
#include "memory/caching_allocator.h"

namespace {

void set_error_class(const Napi::CallbackInfo& info) {
  torch_tl::Environment::of(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
}

void shut_down(const Napi::CallbackInfo& info) { torch_tl::Environment::of(info.Env()).shut_down(); }

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  using namespace torch_tl;
  // For comparisons and for tracing faults; bench/memory.js measures what the cache gains.
  if (environment_variable("TORCH_TL_ALLOCATOR") != "system") install_caching_allocator();
  // Where it cannot start, it prints a warning at each small convolution; oneDNN computes all larger ones.
  at::globalContext().setUserEnabledNNPACK(false);
  // These read the environment when they are asked first, which must be on this thread.
  runnable_kernels();
  can_capture_work();
  auto environment = std::make_unique<Environment>(env);
  environment->model_class = Napi::Persistent(ModelObject::define(env));
  environment->dataset_class = Napi::Persistent(DatasetObject::define(env));
  environment->group_class = Napi::Persistent(GroupObject::define(env));
  env.SetInstanceData(environment.release());
  exports["setErrorClass"] = Napi::Function::New(env, set_error_class, "setErrorClass");
  exports["shutDown"] = Napi::Function::New(env, shut_down, "shutDown");
  exports["info"] = Napi::Function::New(env, engine_info, "info");
  exports["createModel"] = Napi::Function::New(env, ModelObject::create, "createModel");
  exports["createDataset"] = Napi::Function::New(env, DatasetObject::create, "createDataset");
  exports["openDataset"] = Napi::Function::New(env, DatasetObject::open, "openDataset");
  exports["joinGroup"] = Napi::Function::New(env, GroupObject::join, "joinGroup");
  return exports;
}

}  // namespace

NODE_API_MODULE(torch_tl, initialise)
