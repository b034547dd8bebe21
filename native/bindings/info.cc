#include "bindings/info.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/csrc/api/include/torch/version.h>

#include <string>

#include "bindings/job.h"
#include "device/captured_work.h"
#include "device/gpu.h"
#include "distributed/join.h"
#include "gpu/device_primitives.h"
#include "kernels/cpu_features.h"
#include "kernels/kernels.h"
#include "memory/caching_allocator.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace torch_tl {
namespace {

Napi::Object cpu_info(Napi::Env env) {
  const CpuFeatures& features = cpu_features();
  Napi::Object cpu = Napi::Object::New(env);
  cpu["capability"] = at::get_cpu_capability();
  cpu["avx2"] = features.avx2;
  cpu["avx512"] = features.avx512;
  cpu["avx512Bf16"] = features.avx512_bf16;
  cpu["amxBf16"] = features.amx_bf16;
  Napi::Array kernels = Napi::Array::New(env);
  for (const Kernels& set : runnable_kernels()) kernels[kernels.Length()] = set.instructions;
  cpu["kernels"] = kernels;
  return cpu;
}

/** `13.0` of CUDA's number 13000. */
Napi::Value cuda_version(Napi::Env env, long number) {
  if (number == 0) return env.Null();
  return Napi::String::New(env, std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10));
}

Napi::Object cuda_info(Napi::Env env) {
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  const int count = hooks.hasCUDA() ? hooks.getNumGPUs() : 0;
  Napi::Array devices = Napi::Array::New(env, count);
  for (int index = 0; index < count; ++index) {
    const GpuDescription description = describe_gpu(index);
    Napi::Object device = Napi::Object::New(env);
    device["name"] = description.name;
    device["memory"] = static_cast<double>(description.memory);
    devices[index] = device;
  }
  Napi::Object cuda = Napi::Object::New(env);
  cuda["built"] = cuda_version(env, hooks.hasCUDART() ? hooks.versionCUDART() : 0);
  cuda["driver"] = cuda_version(env, hooks.hasCUDART() ? cuda_driver_version() : 0);
  cuda["devices"] = devices;
  cuda["graphs"] = count > 0 && can_capture_work();
  // Without a GPU the library that has them is not looked for.
  cuda["kernels"] = std::string(count > 0 ? gpu::compiled_capabilities() : "");
  cuda["bf16"] = count > 0 && hooks.supportsBFloat16ConvolutionWithCuDNNv8();
  return cuda;
}

/** Bytes that malloc has handed out and not got back. */
Napi::Value malloc_bytes(Napi::Env env) {
#ifdef __GLIBC__
  const struct mallinfo2 info = mallinfo2();
  return Napi::Number::New(env, static_cast<double>(info.uordblks + info.hblkhd));
#else
  return env.Null();
#endif
}

Napi::Object memory_info(Napi::Env env) {
  const TensorMemory memory = tensor_memory();
  Napi::Object object = Napi::Object::New(env);
  object["tensors"] = static_cast<double>(memory.blocks);
  object["tensorBytes"] = static_cast<double>(memory.bytes);
  object["cachedBytes"] = static_cast<double>(memory.cached);
  object["mallocBytes"] = malloc_bytes(env);
  return object;
}

}  // namespace

Napi::Value engine_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object["builtFor"] = TORCH_VERSION;
  object["threads"] = JobQueue::default_threads();
  object["cpu"] = cpu_info(env);
  object["cuda"] = cuda_info(env);
  object["memory"] = memory_info(env);
  object["joinsProcesses"] = can_join();
  return object;
}

}  // namespace torch_tl
