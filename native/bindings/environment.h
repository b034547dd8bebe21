#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "bindings/job.h"
#include "distributed/group.h"

namespace torch_tl {

/** The state of one Node environment (the main thread or a Worker); nothing of it is static. */
struct Environment {
  explicit Environment(Napi::Env env) : jobs(env) {
    // Before the hook of `jobs`, which waits for the running job: the last hook comes first.
    env.AddCleanupHook([this] { shut_down(); });
  }

  JobQueue jobs;
  Napi::FunctionReference error_class;  // lib/errors.ts' TorchTlError
  Napi::FunctionReference model_class;
  Napi::FunctionReference dataset_class;

  Napi::FunctionReference group_class;
  std::vector<std::weak_ptr<Group>> groups;  // that this environment has joined

  /** Ends the engine's thread, which need not wait for other processes any more; harmless a second time. */
  void shut_down() {
    for (const std::weak_ptr<Group>& joined : groups) {
      if (const std::shared_ptr<Group> group = joined.lock()) group->interrupt();
    }
    jobs.shut_down();
  }

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

}  // namespace torch_tl
