#pragma once

#include <napi.h>

#include <vector>

#include "bindings/job.h"
#include "bindings/model.h"
#include "training/observer.h"
#include "training/options.h"
#include "training/rate_finder.h"
#include "training/trainer.h"

namespace torch_tl {

TrainOptions to_train_options(const Napi::Object& value);
Napi::Value to_js(Napi::Env env, const TrainResult& result);
Napi::Value to_js(Napi::Env env, const std::vector<RatePoint>& points);

/**
 * Sends progress to JavaScript as the events of lib/engine/native-training.ts, and puts best weights into the
 * model.
 */
class JobObserver final : public Observer {
 public:
  JobObserver(JobControl& job, Model& model) : job_(job), model_(model) {}
  void on_cache(const CacheReport& report) override;
  void on_features(std::int64_t done, std::int64_t total, double seconds) override;
  void on_batch(const BatchMetrics& metrics) override;
  void on_stage(const StageStart& stage) override;
  void on_epoch(const EpochMetrics& metrics) override;
  void on_best(std::vector<NamedTensor> tensors, at::Tensor logits) override;
  bool wants_checkpoint() override;
  void on_checkpoint(Checkpoint checkpoint) override;

 private:
  JobControl& job_;
  Model& model_;
};

}  // namespace torch_tl
