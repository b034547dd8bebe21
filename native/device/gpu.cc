#include "device/gpu.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <array>

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace torch_tl {

GpuDescription describe_gpu(int index) {
  GpuDescription description;
#ifndef _WIN32
  // CUDA's runtime has loaded the driver, which numbers GPUs as LibTorch does.
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (driver == nullptr) return description;
  using GetName = int(char* name, int length, int device);
  using GetMemory = int(std::size_t * bytes, int device);
  auto* const get_name = reinterpret_cast<GetName*>(dlsym(driver, "cuDeviceGetName"));
  auto* const get_memory = reinterpret_cast<GetMemory*>(dlsym(driver, "cuDeviceTotalMem_v2"));
  std::array<char, 256> name{};
  if (get_name != nullptr && get_name(name.data(), name.size(), index) == 0) description.name = name.data();
  if (get_memory != nullptr) get_memory(&description.memory, index);
  dlclose(driver);
#endif
  return description;
}

int cuda_driver_version() {
  int version = 0;
#ifndef _WIN32
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr) return 0;
  using GetVersion = int(int* version);
  auto* const get_version = reinterpret_cast<GetVersion*>(dlsym(driver, "cuDriverGetVersion"));
  if (get_version != nullptr) get_version(&version);
  dlclose(driver);
#endif
  return version;
}

bool gpu_has_room(const at::Device& device, std::size_t bytes) {
  if (device.is_cpu()) return false;
  const auto [free, total] = c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  return bytes <= free / 2;
}

void synchronise(const at::Device& device) {
  if (device.is_cpu()) return;
  c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

void release_gpu_memory() noexcept {
  try {
    if (!at::detail::getCUDAHooks().hasCUDART()) return;
    c10::DeviceAllocator* allocator = c10::getDeviceAllocator(at::kCUDA);
    if (allocator->initialized()) allocator->emptyCache();
  } catch (...) {
    // A GPU that has failed keeps failing, and the next use of it reports that.
  }
}

}  // namespace torch_tl
