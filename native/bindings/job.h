#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/engine_thread.h"

namespace torch_tl {

class JobQueue;

/** Makes a job's JavaScript result, on the JavaScript thread. */
using MakeResult = std::function<Napi::Value(Napi::Env)>;

/** A job, as its work sees it on the engine's thread. */
class JobControl final : public EngineJob, public std::enable_shared_from_this<JobControl> {
  /** Lets only the queue make jobs. */
  struct Key {};

 public:
  JobControl(Key /*key*/, JobQueue& queue, Napi::Env env)
      : queue_(queue), deferred_(Napi::Promise::Deferred::New(env)) {}

  void run() override;
  /**
   * Calls the job's callback on the JavaScript thread, in order, with the value that `make` returns there.
   */
  void emit(MakeResult make);
  /** As emit, but replaces an earlier event of emit_latest that JavaScript has not received yet. */
  void emit_latest(MakeResult make);

 private:
  friend class JobQueue;

  struct Failure {
    std::string code;
    std::string message;
  };
  void settle(Napi::Env env, const MakeResult& make);
  void settle(Napi::Env env, const Failure& failure);
  void release();

  JobQueue& queue_;
  int threads_ = 1;
  bool collective_ = false;
  std::function<MakeResult(JobControl&)> execute_;
  LatestEvent<MakeResult> latest_;
  // The following members belong to the JavaScript thread.
  Napi::Promise::Deferred deferred_;
  Napi::FunctionReference callback_;
  std::vector<Napi::ObjectReference> kept_;
};

/**
 * The engine's thread, and all communication between it and JavaScript. Jobs run in the order in which they
 * were submitted, and report through one thread-safe function. A Node environment keeps one thread, since
 * OpenMP keeps a pool of threads for each thread that calls it.
 */
class JobQueue {
 public:
  explicit JobQueue(Napi::Env env);
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  JobQueue(JobQueue&&) = delete;
  JobQueue& operator=(JobQueue&&) = delete;
  ~JobQueue() = default;  // the environment's cleanup hook has shut it down

  struct Options {
    Napi::Function callback;           // for emit
    std::vector<Napi::Object> keep{};  // protected from garbage collection until the job has ended
    std::optional<int> threads{};      // threads for the job; `default_threads()` if not given
    /** Whether other processes wait for this job: it then begins even if it was aborted, to tell them. */
    bool collective = false;
  };
  /** Queues `execute`; returns `{ result: Promise, abort() }`. */
  Napi::Object submit(Napi::Env env, std::function<MakeResult(JobControl&)> execute, const Options& options);

  /** Threads of jobs that do not ask for a number; the same in all environments of a process. */
  static int default_threads();

  /** Stops the running job, drops waiting ones, and ends the thread. A second call does nothing. */
  void shut_down();

 private:
  friend class JobControl;
  /** Runs on the JavaScript thread. */
  using Task = std::function<void(Napi::Env)>;
  static void run_task(Napi::Env env, Napi::Function callback, std::nullptr_t* context, Task* task);
  using Channel = Napi::TypedThreadSafeFunction<std::nullptr_t, Task, run_task>;

  void execute(const std::shared_ptr<JobControl>& job);
  void post(Task task);

  Channel channel_;
  int pending_ = 0;  // jobs that keep the process alive; belongs to the JavaScript thread
  EngineThread thread_;
};

}  // namespace torch_tl
