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

/** Returns cached blocks to the system until at most `bytes` are left. */
void trim_cached_blocks(std::size_t bytes);

}  // namespace torch_tl
