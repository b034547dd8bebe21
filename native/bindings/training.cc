#include "bindings/training.h"

#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "bindings/augmentation.h"
#include "bindings/convert.h"

namespace torch_tl {
namespace {

double number(std::int64_t value) { return static_cast<double>(value); }

/** The value of a name, which lib/options has checked; throws TypeError for an unknown one. */
template <typename Value>
Value named(const Napi::Value& name, std::initializer_list<std::pair<const char*, Value>> known) {
  const std::string wanted = to_string(name);
  for (const auto& [text, value] : known) {
    if (wanted == text) return value;
  }
  throw Napi::TypeError::New(name.Env(), "'" + wanted + "' is not known here");
}

std::optional<double> to_optional_double(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return to_double(value);
}

OptimizerOptions to_optimizer_options(const Napi::Object& value) {
  OptimizerOptions options;
  options.type = named<OptimizerType>(
      value.Get("type"),
      {{"adam", OptimizerType::kAdam}, {"adamw", OptimizerType::kAdamW}, {"sgd", OptimizerType::kSgd}});
  options.beta1 = to_double(value.Get("beta1"));
  options.beta2 = to_double(value.Get("beta2"));
  options.epsilon = to_double(value.Get("epsilon"));
  options.momentum = to_double(value.Get("momentum"));
  options.nesterov = value.Get("nesterov").As<Napi::Boolean>();
  options.weight_decay = to_double(value.Get("weightDecay"));
  options.decay_norms_and_biases = value.Get("decayNormsAndBiases").As<Napi::Boolean>();
  return options;
}

ScheduleOptions to_schedule_options(const Napi::Object& value) {
  ScheduleOptions options;
  options.type = named<ScheduleType>(value.Get("type"), {{"constant", ScheduleType::kConstant},
                                                         {"cosine", ScheduleType::kCosine},
                                                         {"one-cycle", ScheduleType::kOneCycle},
                                                         {"step", ScheduleType::kStep},
                                                         {"plateau", ScheduleType::kPlateau}});
  options.warmup_epochs = to_double(value.Get("warmupEpochs"));
  options.min_learning_rate = to_double(value.Get("minLearningRate"));
  options.step_epochs = to_int(value.Get("stepEpochs"));
  options.step_factor = to_double(value.Get("stepFactor"));
  options.plateau_factor = to_double(value.Get("plateauFactor"));
  options.plateau_patience = to_int(value.Get("plateauPatience"));
  return options;
}

SetKeys to_set_keys(const Napi::Value& value) {
  const auto keys = value.As<Napi::Object>();
  const auto images = keys.Get("images").As<Napi::Uint8Array>();
  SetKeys set{to_string(keys.Get("origin")), {}};
  set.images.resize(images.ByteLength() / sizeof(ImageKey));
  // Without images, as with augmentation, both are null.
  if (!set.images.empty()) {
    std::memcpy(set.images.data(), images.Data(), set.images.size() * sizeof(ImageKey));
  }
  return set;
}

StageOptions to_stage_options(const Napi::Object& value) {
  StageOptions stage;
  stage.epochs = to_int(value.Get("epochs"));
  if (const Napi::Value trainable = value.Get("trainable"); trainable.IsArray()) {
    stage.trainable = to_strings(trainable);
  }
  stage.optimizer = to_optimizer_options(value.Get("optimizer").As<Napi::Object>());
  stage.learning_rate = to_double(value.Get("learningRate"));
  const auto rates = value.Get("layerLearningRates").As<Napi::Array>();
  for (std::uint32_t i = 0; i < rates.Length(); ++i) {
    const auto rate = rates.Get(i).As<Napi::Object>();
    stage.layer_learning_rates.push_back(
        {to_strings(rate.Get("layers")), to_double(rate.Get("learningRate"))});
  }
  stage.schedule = to_schedule_options(value.Get("schedule").As<Napi::Object>());
  if (const Napi::Value early = value.Get("earlyStopping"); early.IsObject()) {
    const auto stopping = early.As<Napi::Object>();
    stage.early_stopping = {to_int(stopping.Get("patience")), to_double(stopping.Get("minDelta"))};
  }
  if (const Napi::Value keys = value.Get("featureKeys"); keys.IsObject()) {
    const auto of = keys.As<Napi::Object>();
    stage.feature_keys = {to_string(of.Get("cut")), to_string(of.Get("about")), to_set_keys(of.Get("train")),
                          to_set_keys(of.Get("valid"))};
  }
  return stage;
}

std::optional<FeatureCacheOptions> to_feature_cache(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  const auto cache = value.As<Napi::Object>();
  FeatureCacheOptions options{to_string(cache.Get("directory")), to_int(cache.Get("memoryLimit")), {}};
  if (const Napi::Value kept = cache.Get("kept"); kept.IsObject()) {
    const Napi::Value limit = kept.As<Napi::Object>().Get("limit");
    options.kept.emplace(KeptFeatures{to_string(kept.As<Napi::Object>().Get("directory")), {}});
    if (!limit.IsNull()) options.kept->limit = to_int(limit);
  }
  return options;
}

Napi::Value text_or_null(Napi::Env env, const std::string& text) {
  return text.empty() ? env.Null() : Napi::Value(Napi::String::New(env, text));
}

/** A number of a validation; null without one. */
Napi::Value or_null(Napi::Env env, const std::optional<ValidationMetrics>& validation,
                    double ValidationMetrics::*member) {
  if (!validation) return env.Null();
  return Napi::Number::New(env, (*validation).*member);
}

const char* name_of(CachePlace place) {
  if (place == CachePlace::kDevice) return "device";
  return place == CachePlace::kMemory ? "memory" : "file";
}

}  // namespace

TrainOptions to_train_options(const Napi::Object& value) {
  TrainOptions options;
  options.batch_size = to_int(value.Get("batchSize"));
  options.seed = static_cast<std::uint64_t>(to_int(value.Get("seed")));
  options.computation = to_computation(value);
  options.feature_cache = to_feature_cache(value.Get("featureCache"));
  const auto stages = value.Get("stages").As<Napi::Array>();
  for (std::uint32_t i = 0; i < stages.Length(); ++i) {
    options.stages.push_back(to_stage_options(stages.Get(i).As<Napi::Object>()));
  }
  options.loss.label_smoothing = to_double(value.Get("labelSmoothing"));
  if (const Napi::Value weights = value.Get("classWeights"); weights.IsArray()) {
    options.loss.class_weights = to_doubles(weights);
  }
  if (const Napi::Value monitor = value.Get("monitor"); monitor.IsString()) {
    options.monitor = named<Monitor>(monitor, {{"loss", Monitor::kLoss},
                                               {"accuracy", Monitor::kAccuracy},
                                               {"balanced-accuracy", Monitor::kBalancedAccuracy},
                                               {"macro-f1", Monitor::kMacroF1}});
  }
  options.clip_norm = to_optional_double(value.Get("clipNorm"));
  options.gradient_accumulation_steps = to_int(value.Get("gradientAccumulationSteps"));
  options.ema_decay = to_optional_double(value.Get("emaDecay"));
  if (const Napi::Value augmentation = value.Get("augmentation"); augmentation.IsObject()) {
    options.augmentation = to_augmentation_options(augmentation.As<Napi::Object>());
  }
  options.checkpoints = value.Get("checkpoints").As<Napi::Boolean>();
  options.checkpoint_seconds = to_optional_double(value.Get("checkpointSeconds"));
  return options;
}

Napi::Value to_js(Napi::Env env, const TrainResult& result) {
  Napi::Object seconds = Napi::Object::New(env);
  seconds["total"] = result.total_seconds;
  seconds["features"] = result.feature_seconds;
  seconds["training"] = result.training_seconds;
  Napi::Object object = Napi::Object::New(env);
  object["stoppedBecause"] = result.stopped_because == StopReason::kEpochs ? "epochs" : "early-stopping";
  object["seconds"] = seconds;
  object["imagesPerSecond"] = result.images_per_second;
  return object;
}

Napi::Value to_js(Napi::Env env, const std::vector<RatePoint>& points) {
  Napi::Array array = Napi::Array::New(env, points.size());
  std::uint32_t index = 0;
  for (const RatePoint& point : points) {
    Napi::Object object = Napi::Object::New(env);
    object["learningRate"] = point.learning_rate;
    object["loss"] = point.loss;
    object["smoothedLoss"] = point.smoothed;
    array[index++] = object;
  }
  return array;
}

void JobObserver::on_cache(const CacheReport& report) {
  job_.emit([report](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "cache";
    event["part"] = report.part == CachedPart::kTraining ? "train" : "valid";
    event["cut"] = report.cut;
    event["place"] = name_of(report.place);
    event["bytes"] = number(report.bytes);
    event["images"] = number(report.images);
    event["computed"] = number(report.computed);
    event["reused"] = report.reused;
    event["kept"] = text_or_null(env, report.kept);
    event["whyNotKept"] = text_or_null(env, report.why_not_kept);
    event["reason"] = report.reason;
    return event;
  });
}

void JobObserver::on_features(std::int64_t done, std::int64_t total, double seconds) {
  const auto make = [=](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "features";
    event["done"] = number(done);
    event["total"] = number(total);
    event["seconds"] = seconds;
    return event;
  };
  // The last event has the total time, and must not be replaced by a later event.
  if (done == total) {
    job_.emit(make);
  } else {
    job_.emit_latest(make);
  }
}

void JobObserver::on_batch(const BatchMetrics& metrics) {
  job_.emit_latest([metrics](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "batch";
    event["epoch"] = number(metrics.epoch);
    event["batch"] = number(metrics.batch);
    event["batches"] = number(metrics.batches);
    event["loss"] = metrics.loss;
    event["accuracy"] = metrics.accuracy;
    event["imagesPerSecond"] = metrics.images_per_second;
    return event;
  });
}

void JobObserver::on_stage(const StageStart& stage) {
  job_.emit([stage](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "stage";
    event["stage"] = number(stage.stage);
    event["stages"] = number(stage.stages);
    event["trainableParameters"] = number(stage.trainable_parameters);
    return event;
  });
}

void JobObserver::on_best(std::vector<NamedTensor> tensors, at::Tensor logits) {
  const std::lock_guard lock(model_.mutex);
  model_.best = std::move(tensors);
  model_.best_logits = std::move(logits);
}

bool JobObserver::wants_checkpoint() {
  const std::lock_guard lock(model_.mutex);
  return !model_.checkpoint;
}

void JobObserver::on_checkpoint(Checkpoint checkpoint) {
  {
    const std::lock_guard lock(model_.mutex);
    model_.checkpoint = std::make_shared<const Checkpoint>(std::move(checkpoint));
  }
  job_.emit([](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "checkpoint";
    return event;
  });
}

void JobObserver::on_epoch(const EpochMetrics& metrics) {
  job_.emit([metrics](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "epoch";
    event["best"] = metrics.best;
    event["epoch"] = number(metrics.epoch);
    event["stage"] = number(metrics.stage);
    event["lr"] = metrics.learning_rate;
    event["trainLoss"] = metrics.train_loss;
    event["trainAccuracy"] = metrics.train_accuracy;
    event["validLoss"] = or_null(env, metrics.validation, &ValidationMetrics::loss);
    event["validAccuracy"] = or_null(env, metrics.validation, &ValidationMetrics::accuracy);
    if (metrics.validation && metrics.validation->monitored) {
      event["monitored"] = *metrics.validation->monitored;
    }
    event["seconds"] = metrics.seconds;
    return event;
  });
}

}  // namespace torch_tl
