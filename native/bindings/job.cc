#include "bindings/job.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <new>
#include <utility>

#include "bindings/convert.h"
#include "device/gpu.h"
#include "errors.h"
#include "memory/caching_allocator.h"

namespace torch_tl {
namespace {

/** Bytes of cached blocks to keep between jobs: enough for predictions, not a training's gigabytes. */
constexpr std::size_t kIdleCache = std::size_t{256} << 20;

void begin_thread() {
  // A thread's first computation sets its number of threads to the one that any thread of the process set
  // last. Every library does this for itself, this one included. Do it now, so that it does not overwrite a
  // job's number.
  at::internal::lazy_init_num_threads();
  at::get_num_threads();
}

/** Frees memory that no tensor uses, since reporting a failure needs memory too. */
void release_memory() noexcept {
  trim_cached_blocks(0);
  release_gpu_memory();
}

}  // namespace

void JobControl::run() { queue_.execute(shared_from_this()); }

void JobControl::emit(MakeResult make) {
  // Later events of emit_latest must not replace an event from before this one.
  latest_.seal();
  queue_.post([self = shared_from_this(), make = std::move(make)](Napi::Env env) {
    self->callback_.Call({make(env)});
  });
}

void JobControl::emit_latest(MakeResult make) {
  LatestEvent<MakeResult>::Slot slot = latest_.put(std::move(make));
  if (!slot) return;
  queue_.post([self = shared_from_this(), slot = std::move(slot)](Napi::Env env) {
    self->callback_.Call({self->latest_.take(slot)(env)});
  });
}

void JobControl::settle(Napi::Env env, const MakeResult& make) {
  try {
    deferred_.Resolve(make(env));
  } catch (const Napi::Error& error) {
    deferred_.Reject(error.Value());
  } catch (const std::exception& error) {
    // The result did not fit into memory. Nothing between here and Node would catch this.
    deferred_.Reject(coded_error(env, "OUT_OF_MEMORY", error.what()).Value());
  }
  release();
}

void JobControl::settle(Napi::Env env, const Failure& failure) {
  deferred_.Reject(coded_error(env, failure.code, failure.message).Value());
  release();
}

void JobControl::release() {
  execute_ = nullptr;
  callback_.Reset();
  kept_.clear();
}

JobQueue::JobQueue(Napi::Env env)
    : channel_(Channel::New(env, "torch-tl", /*maxQueueSize=*/0, /*initialThreadCount=*/1)),
      thread_(begin_thread, [] { trim_cached_blocks(kIdleCache); }) {
  default_threads();  // read before a job sets another number
  channel_.Unref(env);
  // Hooks run before finalizers, the last one first, so that the thread ends before what it uses.
  env.AddCleanupHook([this] { shut_down(); });
}

Napi::Object JobQueue::submit(Napi::Env env, std::function<MakeResult(JobControl&)> execute,
                              const Options& options) {
  const auto job = std::make_shared<JobControl>(JobControl::Key{}, *this, env);
  job->threads_ = options.threads.value_or(default_threads());
  job->collective_ = options.collective;
  job->execute_ = std::move(execute);
  if (!options.callback.IsEmpty()) job->callback_ = Napi::Persistent(options.callback);
  for (const Napi::Object& object : options.keep) job->kept_.push_back(Napi::Persistent(object));

  Napi::Object handle = Napi::Object::New(env);
  handle["result"] = job->deferred_.Promise();
  handle["abort"] = Napi::Function::New(
      env, [job](const Napi::CallbackInfo&) { job->abort(); }, "abort");

  if (pending_++ == 0) channel_.Ref(env);
  thread_.submit(job);
  return handle;
}

int JobQueue::default_threads() {
  static const int threads = at::get_num_threads();
  return threads;
}

void JobQueue::execute(const std::shared_ptr<JobControl>& job) {
  const auto finish = [this, &job](auto outcome) {
    post([this, job, outcome = std::move(outcome)](Napi::Env env) {
      job->settle(env, outcome);
      if (--pending_ == 0) channel_.Unref(env);
    });
  };
  const auto fail = [&finish](const char* code, std::string message) {
    finish(JobControl::Failure{code, std::move(message)});
  };
  try {
    if (!job->collective_) job->check_abort();
    at::set_num_threads(job->threads_);
    finish(job->execute_(*job));
  } catch (const Aborted& error) {
    fail("ABORTED", error.what());
  } catch (const LossNotFinite& error) {
    fail("LOSS_NOT_FINITE", error.what());
  } catch (const CheckpointInvalid& error) {
    fail("CHECKPOINT_INVALID", error.what());
  } catch (const FileUnreadable& error) {
    fail("FILE_UNREADABLE", error.what());
  } catch (const WriteFailed& error) {
    fail("WRITE_FAILED", error.what());
  } catch (const JoinFailed& error) {
    fail("JOIN_FAILED", error.what());
  } catch (const PeerStopped& error) {
    fail("PEER_STOPPED", error.what());
  } catch (const PeerLost& error) {
    fail("PEER_LOST", error.what());
  } catch (const c10::OutOfMemoryError& error) {
    release_memory();
    fail("OUT_OF_MEMORY", error.what_without_backtrace());
  } catch (const c10::Error& error) {
    fail("NATIVE_FAILURE", error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    release_memory();
    fail("OUT_OF_MEMORY", "not enough memory");
  } catch (const std::exception& error) {
    fail("NATIVE_FAILURE", error.what());
  } catch (...) {
    fail("NATIVE_FAILURE", "an unknown native exception");
  }
}

void JobQueue::post(Task task) {
  auto owned = std::make_unique<Task>(std::move(task));
  if (channel_.NonBlockingCall(owned.get()) == napi_ok) {
    // run_task now owns it, even if the environment is ending.
    static_cast<void>(owned.release());
  }
}

void JobQueue::run_task(Napi::Env env, Napi::Function /*callback*/, std::nullptr_t* /*context*/, Task* task) {
  const std::unique_ptr<Task> owned(task);
  if (env != nullptr) (*owned)(env);
}

void JobQueue::shut_down() {
  // References are released here, on the JavaScript thread, while they still can be.
  for (const std::shared_ptr<EngineJob>& job : thread_.shut_down()) {
    dynamic_cast<JobControl&>(*job).release();
  }
}

}  // namespace torch_tl
