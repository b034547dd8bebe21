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
#include <new>

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
// Every layer of a dense block needs another size: within this factor one block serves them all in turn.
constexpr std::size_t kLargestSurplus = 8;

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
struct alignas(kAlignment) Block {
  void* start = nullptr;
  std::size_t size = 0;
};
static_assert(sizeof(Block) == kAlignment);

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
    const std::size_t needed = bytes + sizeof(Block);
    const Block block = needed >= kSmallestCached ? reuse_or_allocate(size_class(needed)) : fresh(needed);
    TORCH_CHECK_WITH(OutOfMemoryError, block.start != nullptr, "not enough memory for a tensor of ", bytes,
                     " bytes");
    return std::construct_at(static_cast<Block*>(block.start), block) + 1;
  }

  Block reuse_or_allocate(std::size_t size) {
    Block block = reuse(size);
    if (block.start == nullptr) block = fresh(size);
    if (block.start == nullptr) {
      trim(0);
      block = fresh(size);
    }
    return block;
  }

  /** The smallest cached block that is large enough and not far too large, or none. */
  Block reuse(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const auto found = cached_.lower_bound(size);
    if (found == cached_.end() || found->first > kLargestSurplus * size) return {};
    const Block block{found->second, found->first};
    cached_.erase(found);
    cached_bytes_ -= block.size;
    return block;
  }

  static Block fresh(std::size_t size) {
    void* start = system_allocate(size, size < kHugePage ? kAlignment : kHugePage);
#ifdef __linux__
    // One fault for 2 MiB instead of 512, and fewer TLB misses. A refusal costs only speed.
    if (start != nullptr && size >= kHugePage) madvise(start, size, MADV_HUGEPAGE);
#endif
    return {start, size};
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
  const Block block = *(static_cast<Block*>(data) - 1);
  if (block.size < kSmallestCached) {
    system_free(block.start);
    return;
  }
  CachingAllocator& self = allocator();
  const std::lock_guard lock(self.mutex_);
  try {
    self.cached_.emplace(block.size, block.start);
    self.cached_bytes_ += block.size;
  } catch (const std::bad_alloc&) {
    // Tensors are freed by destructors, most of all when memory has run out.
    system_free(block.start);
  }
}

}  // namespace

void install_caching_allocator() {
  constexpr std::uint8_t kOverDefault = 1;
  c10::SetCPUAllocator(&allocator(), kOverDefault);
}

void trim_cached_blocks(std::size_t bytes) { allocator().trim(bytes); }

}  // namespace torch_tl
