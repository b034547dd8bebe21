#pragma once

/* Each returns what is wrong, or nullptr. */

namespace torch_tl {

/** Number of threads that a check runs at once. */
constexpr int kThreads = 4;

/** The engine's thread and another one that submits jobs, stops them and receives their events. */
const char* fault_of_engine_thread();
/** Threads that allocate tensors, pass them on and free those of others. */
const char* fault_of_allocator();
/** The executors and the loop of steps, on several threads, against one thread and against themselves. */
const char* fault_of_executors();

}  // namespace torch_tl
