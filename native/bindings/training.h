#pragma once

#include <napi.h>

#include "bindings/job.h"
#include "training/observer.h"
#include "training/options.h"
#include "training/trainer.h"

namespace torch_tl {

TrainOptions to_train_options(const Napi::Object& value);
Napi::Value to_js(Napi::Env env, const TrainResult& result);

/** Sends a training's progress to JavaScript as the events of lib/native.ts. */
class JobObserver final : public Observer {
 public:
  explicit JobObserver(JobControl& job) : job_(job) {}
  void check_stop() override { job_.check_abort(); }
  void on_features(std::int64_t done, std::int64_t total, double seconds) override;
  void on_batch(const BatchMetrics& metrics) override;
  void on_epoch(const EpochMetrics& metrics) override;

 private:
  JobControl& job_;
};

}  // namespace torch_tl
