#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace torch_tl {

class JobQueue;

/** Makes a job's JavaScript value, on the JavaScript thread. */
using MakeResult = std::function<Napi::Value(Napi::Env)>;

/** What a piece of work sees of its job while it runs on the engine's thread. */
class JobControl : public std::enable_shared_from_this<JobControl> {
  /** Only the queue makes jobs. */
  struct Key {};

 public:
  JobControl(Key /*key*/, JobQueue& queue, Napi::Env env)
      : queue_(queue), deferred_(Napi::Promise::Deferred::New(env)) {}

  bool aborted() const { return aborted_; }
  /** Throws Aborted after abort(). */
  void check_abort() const;
  /** Calls the job's callback on the JavaScript thread, in order, with the value that `make` makes there. */
  void emit(MakeResult make);
  /** As emit, but when JavaScript is slow an event that it has not seen yet is replaced by this one. */
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
  std::atomic<bool> aborted_ = false;
  int threads_ = 1;
  std::function<MakeResult(JobControl&)> execute_;
  // What follows belongs to the JavaScript thread.
  Napi::Promise::Deferred deferred_;
  Napi::FunctionReference callback_;
  std::vector<Napi::ObjectReference> kept_;
  // An event of emit_latest that is on its way and may still be replaced.
  std::mutex unseen_mutex_;
  std::shared_ptr<MakeResult> unseen_;
};

/**
 * The engine's thread and every crossing of threads: jobs go to it in order, and what they report comes
 * back through one thread-safe function. One thread lives as long as its Node environment, since OpenMP keeps
 * a pool for each thread that calls it.
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
    std::vector<Napi::Object> keep{};  // kept from garbage collection until the job has ended
    std::optional<int> threads{};      // that the job computes on; by default as many as OpenMP would take
  };
  /** Queues `execute`; gives `{ result: Promise, abort() }`. */
  Napi::Object submit(Napi::Env env, std::function<MakeResult(JobControl&)> execute, const Options& options);

  /** On which jobs compute that ask for no other number: the same in every environment of a process. */
  static int default_threads();

  /** Stops the running job, drops those that wait, and ends the thread; harmless a second time. */
  void shut_down();

 private:
  friend class JobControl;
  /** Runs on the JavaScript thread. */
  using Task = std::function<void(Napi::Env)>;
  static void run_task(Napi::Env env, Napi::Function callback, std::nullptr_t* context, Task* task);
  using Channel = Napi::TypedThreadSafeFunction<std::nullptr_t, Task, run_task>;

  void run();
  std::shared_ptr<JobControl> next();
  void execute(const std::shared_ptr<JobControl>& job);
  void post(Task task);

  Channel channel_;
  int pending_ = 0;  // jobs that keep the process alive; of the JavaScript thread
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<JobControl>> waiting_;
  std::shared_ptr<JobControl> running_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace torch_tl
