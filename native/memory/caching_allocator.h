#pragma once

#include <cstddef>

namespace torch_tl {

/**
 * Makes LibTorch allocate CPU tensors from a cache of reused blocks.
 *
 * glibc maps fresh memory for every large tensor and unmaps it when the tensor dies, so that each training
 * step pays the page faults of all its activations again (bench/memory.js measures this). The shapes of a
 * step repeat, so that a freed block fits the next tensor. Replaces LibTorch's allocator alone, not malloc.
 */
void install_caching_allocator();

/** The CPU tensors' memory from this allocator. */
struct TensorMemory {
  std::size_t blocks = 0;  // that tensors have; views share one
  std::size_t bytes = 0;   // of these blocks
  std::size_t cached = 0;  // bytes of blocks that wait for another tensor
};
TensorMemory tensor_memory();

/** Returns cached blocks to the system until at most `bytes` are left. */
void trim_cached_blocks(std::size_t bytes);

}  // namespace torch_tl
