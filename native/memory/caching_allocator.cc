#include "memory/caching_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "memory/available.h"

#ifdef _WIN32
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace torch_tl {
namespace {

constexpr std::size_t kAlignment = 64;  // size of a cache line and of an AVX-512 register
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// glibc's default mmap threshold: it reuses smaller blocks by itself.
constexpr std::size_t kSmallestCached = std::size_t{128} << 10;
// Every layer of a dense block needs another size. Within this factor one block can serve all of them in
// turn.
constexpr std::size_t kLargestSurplus = 8;

#ifdef __linux__

void* map(std::size_t size) {
  void* start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? nullptr : start;
}

void* map_huge_pages(std::size_t size) {
  auto* const first = static_cast<std::byte*>(map(size + kHugePage));
  if (first == nullptr) return nullptr;
  const std::size_t before = kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage;
  munmap(first, before);
  if (before < kHugePage) munmap(first + before + size, kHugePage - before);
  // One page fault per 2 MiB instead of 512, and fewer TLB misses. If refused, this is only slower.
  madvise(first + before, size, MADV_HUGEPAGE);
  return first + before;
}

#endif

void* system_allocate(std::size_t size) {
#ifdef __linux__
  // Separate mappings go back to the system when they are freed; malloc may keep what it frees.
  if (size >= kHugePage) return map_huge_pages(size);
  if (size >= kSmallestCached) return map(size);
#endif
  const std::size_t alignment = size < kHugePage ? kAlignment : kHugePage;
  void* block = nullptr;
#ifdef _WIN32
  block = _aligned_malloc(size, alignment);
#else
  if (posix_memalign(&block, alignment, size) != 0) block = nullptr;
#endif
  return block;
}

void system_free(void* block, [[maybe_unused]] std::size_t size) {
#ifdef __linux__
  if (size >= kSmallestCached) {
    munmap(block, size);
    return;
  }
#endif
#ifdef _WIN32
  _aligned_free(block);
#else
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): from posix_memalign
  std::free(block);
#endif
}

/** Rounds up to a multiple of an eighth of the power of two below, so that similar sizes share blocks. */
std::size_t size_class(std::size_t size) {
  const std::size_t step = std::max(std::bit_floor(size) / 8, std::size_t{1});
  return (size + step - 1) / step * step;
}

/** Header in the cache line before a block's data, where freeing finds the block's size. */
struct alignas(kAlignment) Block {
  void* start = nullptr;
  std::size_t size = 0;
};
static_assert(sizeof(Block) == kAlignment);

/** The memory that is left: the last reading, less what was taken since. */
class Room {
 public:
  bool is_old() const { return Clock::now() - looked_ > kGood; }
  void look() {
    try {
      memory_ = read_available_memory();
    } catch (const std::exception&) {
      memory_ = {};
    }
    looked_ = Clock::now();
    taken_ = 0;
  }
  void take(std::size_t size) { taken_ += size; }
  void give(std::size_t size) {
    if (memory_.bytes != AvailableMemory::kUnknown) memory_.bytes += size;
    if (memory_.allowed != AvailableMemory::kUnknown) memory_.allowed += size;
  }

  /** Bytes that are missing for `size` and the reserve. */
  std::size_t lacks(std::size_t size) const {
    if (memory_.bytes == AvailableMemory::kUnknown) return 0;
    const std::size_t wanted = taken_ + size + reserve();
    return wanted > memory_.bytes ? wanted - memory_.bytes : 0;
  }
  bool allows(std::size_t size) const { return taken_ + size <= memory_.allowed; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kGood{100};
  static constexpr std::size_t kLargestReserve = std::size_t{512} << 20;

  /** Bytes to leave for other allocations and other processes between two readings. */
  std::size_t reserve() const { return std::min(memory_.total / 16, kLargestReserve); }

  AvailableMemory memory_;
  Clock::time_point looked_{};
  std::size_t taken_ = 0;
};

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = bytes == 0 ? nullptr : take(bytes);
    return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

  void copy_data(void* destination, const void* source, std::size_t count) const override {
    if (count > 0) std::memcpy(destination, source, count);
  }

  TensorMemory memory() {
    const std::lock_guard lock(mutex_);
    return {.blocks = blocks_, .bytes = bytes_, .cached = cached_bytes_};
  }

  void trim(std::size_t keep) {
    const std::lock_guard lock(mutex_);
    trim_locked(keep);
  }

 private:
  void trim_locked(std::size_t keep) {
    while (cached_bytes_ > keep) {
      const auto largest = std::prev(cached_.end());
      system_free(largest->second, largest->first);
      cached_bytes_ -= largest->first;
      room_.give(largest->first);
      cached_.erase(largest);
    }
  }

  void* take(std::size_t bytes) {
    const std::size_t needed = bytes + sizeof(Block);
    const Block block = needed >= kSmallestCached ? reuse_or_allocate(size_class(needed)) : fresh(needed);
    TORCH_CHECK_WITH(OutOfMemoryError, block.start != nullptr, "not enough memory for a tensor of ", bytes,
                     " bytes");
    ++blocks_;
    bytes_ += block.size;
    return std::construct_at(static_cast<Block*>(block.start), block) + 1;
  }

  Block reuse_or_allocate(std::size_t size) {
    Block block = reuse(size);
    if (block.start != nullptr || !make_room(size)) return block;
    block = fresh(size);
    if (block.start == nullptr) {
      trim(0);
      block = fresh(size);
    }
    return block;
  }

  /**
   * Returns cached blocks to the system if memory is short: Linux overcommits, and kills a process that uses
   * memory that is not there. Returns false if the control group's limit does not allow `size` even then.
   */
  bool make_room(std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (room_.is_old() || room_.lacks(size) > 0) room_.look();
    const std::size_t lack = room_.lacks(size);
    if (lack > 0 && cached_bytes_ > 0) {
      trim_locked(cached_bytes_ - std::min(lack, cached_bytes_));
      room_.look();
    }
    if (!room_.allows(size)) {
      // Refuse only by a reading of this moment.
      trim_locked(0);
      room_.look();
      if (!room_.allows(size)) return false;
    }
    room_.take(size);
    return true;
  }

  /** The smallest cached block that is large enough and not much too large, or none. */
  Block reuse(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const auto found = cached_.lower_bound(size);
    if (found == cached_.end() || found->first > kLargestSurplus * size) return {};
    const Block block{found->second, found->first};
    cached_.erase(found);
    cached_bytes_ -= block.size;
    return block;
  }

  static Block fresh(std::size_t size) { return {system_allocate(size), size}; }

  static void give_back(void* data);
  void keep(const Block& block);

  std::mutex mutex_;
  std::multimap<std::size_t, void*> cached_;
  std::size_t cached_bytes_ = 0;
  Room room_;
  // Of the blocks that tensors have.
  std::atomic<std::size_t> blocks_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
};

/** Never destroyed, since other threads may free tensors while the process exits. */
CachingAllocator& allocator() {
  alignas(CachingAllocator) static std::array<std::byte, sizeof(CachingAllocator)> storage;
  static CachingAllocator* const instance =
      std::construct_at(reinterpret_cast<CachingAllocator*>(storage.data()));
  return *instance;
}

void CachingAllocator::give_back(void* data) {
  if (data == nullptr) return;
  const Block block = *(static_cast<Block*>(data) - 1);
  --allocator().blocks_;
  allocator().bytes_ -= block.size;
  if (block.size < kSmallestCached) {
    system_free(block.start, block.size);
    return;
  }
  allocator().keep(block);
}

/** Throws nothing, since destructors free tensors, also when memory has run out. */
void CachingAllocator::keep(const Block& block) {
  const std::lock_guard lock(mutex_);
  try {
    cached_.emplace(block.size, block.start);
  } catch (const std::bad_alloc&) {
    system_free(block.start, block.size);
    return;
  }
  cached_bytes_ += block.size;
  // Do not keep memory that other processes have come to need.
  if (room_.is_old()) room_.look();
  trim_locked(cached_bytes_ - std::min(room_.lacks(0), cached_bytes_));
}

}  // namespace

void install_caching_allocator() {
  constexpr std::uint8_t kOverDefault = 1;
  c10::SetCPUAllocator(&allocator(), kOverDefault);
}

TensorMemory tensor_memory() { return allocator().memory(); }

void trim_cached_blocks(std::size_t bytes) { allocator().trim(bytes); }

}  // namespace torch_tl
