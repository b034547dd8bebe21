#include "bindings/engine_thread.h"

#include <chrono>

#include "errors.h"

namespace torch_tl {
namespace {

/** A time limit, since waiting without one needs the libstdc++ of GCC 12; Red Hat Enterprise Linux 9 is
 * older. */
constexpr std::chrono::hours kLongWait{1};

}  // namespace

void EngineJob::check_abort() const {
  if (aborted_) throw Aborted();
}

EngineThread::EngineThread(std::function<void()> begin, std::function<void()> idle)
    : begin_(std::move(begin)), idle_(std::move(idle)), thread_([this] { run(); }) {}

void EngineThread::submit(std::shared_ptr<EngineJob> job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
}

std::vector<std::shared_ptr<EngineJob>> EngineThread::shut_down() {
  if (!thread_.joinable()) return {};
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (running_) running_->abort();
  }
  wake_.notify_one();
  thread_.join();
  std::vector<std::shared_ptr<EngineJob>> left;
  if (running_) left.push_back(std::move(running_));
  left.insert(left.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  return left;
}

void EngineThread::run() {
  begin_();
  while (const std::shared_ptr<EngineJob> job = next()) job->run();
}

std::shared_ptr<EngineJob> EngineThread::next() {
  std::unique_lock lock(mutex_);
  if (stopping_) return nullptr;
  running_.reset();
  if (waiting_.empty()) idle_();
  while (!wake_.wait_for(lock, kLongWait, [this] { return stopping_ || !waiting_.empty(); })) {
  }
  if (stopping_) return nullptr;
  running_ = waiting_.front();
  waiting_.pop_front();
  return running_;
}

}  // namespace torch_tl
