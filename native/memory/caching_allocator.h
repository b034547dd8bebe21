#pragma once

#include <cstddef>

namespace torch_tl {

/**
 * Makes LibTorch's CPU tensors come from a cache of reused blocks.
 *
 * glibc gives every large tensor a fresh mapping and takes it back when the tensor dies, so each step of
 * a training pays the page faults of all its activations again (bench/memory.js measures it). The
 * shapes of a step repeat, hence a block that was freed fits the next one. Only LibTorch's allocator is
 * replaced; malloc, and with it the host process, stays as it was.
 */
void install_caching_allocator();

/** Gives cached blocks back to the system until at most `bytes` of them are kept. */
void trim_cached_blocks(std::size_t bytes);

}  // namespace torch_tl
