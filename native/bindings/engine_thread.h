#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace torch_tl {

/*
 * What crosses between the engine's thread and that of a Node environment, without Node and LibTorch, so
 * that test/native/threads can run it under ThreadSanitizer.
 */

/** A job of the engine's thread, which any thread may stop. */
class EngineJob {
 public:
  EngineJob() = default;
  EngineJob(const EngineJob&) = delete;
  EngineJob& operator=(const EngineJob&) = delete;
  EngineJob(EngineJob&&) = delete;
  EngineJob& operator=(EngineJob&&) = delete;
  virtual ~EngineJob() = default;

  /** Does the work, on the engine's thread. Must not throw. */
  virtual void run() = 0;

  bool aborted() const { return aborted_; }
  /** Throws Aborted after abort(). */
  void check_abort() const;
  void abort() { aborted_ = true; }

 private:
  std::atomic<bool> aborted_ = false;
};

/** A thread that runs jobs one at a time, in the order of their submission. */
class EngineThread {
 public:
  /** The thread calls `begin` before its first job, and `idle` each time that no job waits. */
  EngineThread(std::function<void()> begin, std::function<void()> idle);
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;
  EngineThread(EngineThread&&) = delete;
  EngineThread& operator=(EngineThread&&) = delete;
  ~EngineThread() { shut_down(); }

  void submit(std::shared_ptr<EngineJob> job);

  /**
   * Aborts the running job and ends the thread. Returns the job that ran last, which may have done its work,
   * and those that never began. A second call returns none.
   */
  std::vector<std::shared_ptr<EngineJob>> shut_down();

 private:
  void run();
  std::shared_ptr<EngineJob> next();

  std::function<void()> begin_;
  std::function<void()> idle_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<EngineJob>> waiting_;
  std::shared_ptr<EngineJob> running_;
  bool stopping_ = false;
  std::thread thread_;
};

/** The newest event for a receiver that may be slow: it replaces one that was not taken yet. */
template <typename Event>
class LatestEvent {
 public:
  using Slot = std::shared_ptr<Event>;

  /** Replaces the event that waits; if none does, returns a slot that must be sent to the receiver. */
  Slot put(Event event) {
    const std::lock_guard lock(mutex_);
    if (waiting_) {
      *waiting_ = std::move(event);
      return nullptr;
    }
    return waiting_ = std::make_shared<Event>(std::move(event));
  }

  /** Lets no later event replace the one that waits. */
  void seal() {
    const std::lock_guard lock(mutex_);
    waiting_.reset();
  }

  /** The newest event of a slot that was received. */
  Event take(const Slot& slot) {
    const std::lock_guard lock(mutex_);
    if (waiting_ == slot) waiting_.reset();
    return std::move(*slot);
  }

 private:
  std::mutex mutex_;
  Slot waiting_;
};

}  // namespace torch_tl
