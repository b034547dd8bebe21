#include "memory/caching_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#ifdef _WIN32
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace torch_tl {
namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, and an AVX-512 register
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// glibc's default mmap threshold: what is smaller it already reuses by itself.
constexpr std::size_t kSmallestCached = std::size_t{128} << 10;

void* system_allocate(std::size_t size, std::size_t alignment) {
  void* block = nullptr;
#ifdef _WIN32
  block = _aligned_malloc(size, alignment);
#else
  if (posix_memalign(&block, alignment, size) != 0) block = nullptr;
#endif
  return block;
}

void system_free(void* block) {
#ifdef _WIN32
  _aligned_free(block);
#else
  std::free(block);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): of posix_memalign
#endif
}

/** Rounds up to an eighth of the power of two below, so that nearly equal sizes share blocks. */
std::size_t size_class(std::size_t size) {
  const std::size_t step = std::max(std::bit_floor(size) / 8, std::size_t{1});
  return (size + step - 1) / step * step;
}

/** Stands in the cache line before the bytes of every block, where freeing finds the block's size. */
struct alignas(kAlignment) Header {
  void* block;
  std::size_t block_size;
};
static_assert(sizeof(Header) == kAlignment);

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = bytes == 0 ? nullptr : take(bytes);
    return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

  void copy_data(void* destination, const void* source, std::size_t count) const override {
    std::memcpy(destination, source, count);
  }

  void trim(std::size_t keep) {
    const std::lock_guard lock(mutex_);
    while (cached_bytes_ > keep) {
      const auto largest = std::prev(cached_.end());
      system_free(largest->second);
      cached_bytes_ -= largest->first;
      cached_.erase(largest);
    }
  }

 private:
  void* take(std::size_t bytes) {
    const std::size_t needed = bytes + sizeof(Header);
    const bool cacheable = needed >= kSmallestCached;
    const std::size_t block_size = cacheable ? size_class(needed) : needed;
    void* block = cacheable ? reuse(block_size) : nullptr;
    if (block == nullptr) block = fresh(block_size);
    if (block == nullptr) {
      trim(0);
      block = fresh(block_size);
    }
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr, "not enough memory for a tensor of ", bytes,
                     " bytes");
    auto* header = static_cast<Header*>(block);
    *header = {block, block_size};
    return header + 1;
  }

  void* reuse(std::size_t block_size) {
    const std::lock_guard lock(mutex_);
    const auto found = cached_.find(block_size);
    if (found == cached_.end()) return nullptr;
    void* block = found->second;
    cached_.erase(found);
    cached_bytes_ -= block_size;
    return block;
  }

  static void* fresh(std::size_t block_size) {
    if (block_size < kHugePage) return system_allocate(block_size, kAlignment);
    void* block = system_allocate(block_size, kHugePage);
#ifdef __linux__
    // One fault for 2 MiB instead of 512, and fewer TLB misses. A refusal costs only speed.
    if (block != nullptr) madvise(block, block_size, MADV_HUGEPAGE);
#endif
    return block;
  }

  static void give_back(void* data);

  std::mutex mutex_;
  std::multimap<std::size_t, void*> cached_;
  std::size_t cached_bytes_ = 0;
};

/** Never destroyed: tensors may be freed by other threads while the process exits. */
CachingAllocator& allocator() {
  alignas(CachingAllocator) static std::array<std::byte, sizeof(CachingAllocator)> storage;
  static CachingAllocator* const instance =
      std::construct_at(reinterpret_cast<CachingAllocator*>(storage.data()));
  return *instance;
}

void CachingAllocator::give_back(void* data) {
  if (data == nullptr) return;
  const Header header = *(static_cast<Header*>(data) - 1);
  if (header.block_size < kSmallestCached) {
    system_free(header.block);
    return;
  }
  CachingAllocator& self = allocator();
  const std::lock_guard lock(self.mutex_);
  self.cached_.emplace(header.block_size, header.block);
  self.cached_bytes_ += header.block_size;
}

}  // namespace

void install_caching_allocator() {
  constexpr std::uint8_t kOverDefault = 1;
  c10::SetCPUAllocator(&allocator(), kOverDefault);
}

void trim_cached_blocks(std::size_t bytes) { allocator().trim(bytes); }

}  // namespace torch_tl
