#include "bindings/engine_thread.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "errors.h"
#include "threads.h"

namespace torch_tl {
namespace {

/** Stands for Node's thread-safe function: any thread posts, one thread calls. */
class Inbox {
 public:
  void post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }

  void call_one() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !tasks_.empty(); });
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
};

/** A job of some events, each the number of those before it. */
class CountingJob final : public EngineJob, public std::enable_shared_from_this<CountingJob> {
 public:
  CountingJob(Inbox& inbox, int events) : inbox_(inbox), events_(events) {}

  void run() override {
    try {
      for (int i = 0; i < events_; ++i) {
        check_abort();
        emit(i);
        if (i % 5 == 4) latest_.seal();
      }
    } catch (const Aborted&) {
      stopped_ = true;
    }
    inbox_.post([self = shared_from_this()] { self->ended = true; });
  }

  // The following are of the thread that receives events.
  int seen = -1;
  bool ended = false;
  bool out_of_order = false;
  /** Whether the last event was received, unless the job was stopped. */
  bool complete() const { return stopped_ || seen == events_ - 1; }

 private:
  void emit(int number) {
    LatestEvent<int>::Slot slot = latest_.put(number);
    if (!slot) return;
    inbox_.post([self = shared_from_this(), slot = std::move(slot)] {
      const int received = self->latest_.take(slot);
      self->out_of_order = self->out_of_order || received <= self->seen;
      self->seen = received;
    });
  }

  Inbox& inbox_;
  LatestEvent<int> latest_;
  int events_;
  bool stopped_ = false;  // written before the last post, read after it
};

/** Whether every job ends, and its events come in order, though some are stopped at any time. */
const char* fault_of_jobs(std::mt19937& random) {
  Inbox inbox;
  int idle = 0;  // written on the engine's thread, read after it has ended
  std::vector<std::shared_ptr<CountingJob>> jobs;
  {
    EngineThread thread([] {}, [&idle] { ++idle; });
    for (int i = 0; i < 400; ++i) {
      jobs.push_back(std::make_shared<CountingJob>(inbox, static_cast<int>(random() % 200)));
      thread.submit(jobs.back());
      if (random() % 4 == 0) jobs[random() % jobs.size()]->abort();
      if (random() % 2 == 0) continue;
      while (!jobs.back()->ended) inbox.call_one();
    }
    while (!jobs.back()->ended) inbox.call_one();
    for (const auto& job : jobs) {
      if (!job->ended) return "a job ended before one that was submitted earlier";
      if (job->out_of_order) return "an event came before an older one";
      if (!job->complete()) return "a job's last event is lost";
    }
  }
  return idle == 0 ? "the thread was never idle" : nullptr;
}

/** Whether the thread ends whenever it is told to, and gives back every job that it did not end. */
const char* fault_of_shut_down(std::mt19937& random) {
  for (int turn = 0; turn < 200; ++turn) {
    Inbox inbox;
    std::vector<std::shared_ptr<CountingJob>> jobs;
    EngineThread thread([] {}, [] {});
    const auto count = static_cast<int>(random() % 8);
    for (int i = 0; i < count; ++i) {
      jobs.push_back(std::make_shared<CountingJob>(inbox, 50));
      thread.submit(jobs.back());
    }
    for (auto calls = random() % 60; calls > 0 && count > 0 && !jobs.back()->ended; --calls) inbox.call_one();
    const std::vector<std::shared_ptr<EngineJob>> left = thread.shut_down();
    if (!thread.shut_down().empty()) return "a job was given back twice";
    // All but the last that ran have ended, or wait here for their messages to be called.
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[left.size() - 1 - i] != jobs[jobs.size() - 1 - i]) return "another job was given back";
    }
  }
  return nullptr;
}

}  // namespace

const char* fault_of_engine_thread() {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same numbers in every run
  const char* fault = fault_of_jobs(random);
  return fault != nullptr ? fault : fault_of_shut_down(random);
}

}  // namespace torch_tl
