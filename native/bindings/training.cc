#include "bindings/training.h"

#include "bindings/convert.h"

namespace torch_tl {
namespace {

double number(std::int64_t value) { return static_cast<double>(value); }

}  // namespace

TrainOptions to_train_options(const Napi::Object& value) {
  TrainOptions options;
  options.batch_size = to_int(value.Get("batchSize"));
  options.epochs = to_int(value.Get("epochs"));
  options.seed = static_cast<std::uint64_t>(to_int(value.Get("seed")));
  options.precision = to_precision(value.Get("precision"));
  options.feature_cache = value.Get("featureCache").As<Napi::Boolean>();
  options.learning_rate = to_double(value.Get("learningRate"));
  const auto plateau = value.Get("plateau").As<Napi::Object>();
  options.plateau = {to_double(plateau.Get("factor")), to_int(plateau.Get("patience")),
                     to_double(plateau.Get("minLearningRate"))};
  if (const Napi::Value early = value.Get("earlyStopping"); early.IsObject()) {
    const auto stopping = early.As<Napi::Object>();
    options.early_stopping = {to_int(stopping.Get("patience")), to_double(stopping.Get("minDelta"))};
  }
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

void JobObserver::on_features(std::int64_t done, std::int64_t total, double seconds) {
  const auto make = [=](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "features";
    event["done"] = number(done);
    event["total"] = number(total);
    event["seconds"] = seconds;
    return event;
  };
  // The last one says how long it all took: no batch may take its place.
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

void JobObserver::on_epoch(const EpochMetrics& metrics) {
  job_.emit([metrics](Napi::Env env) {
    Napi::Object event = Napi::Object::New(env);
    event["type"] = "epoch";
    event["best"] = metrics.best;
    event["epoch"] = number(metrics.epoch);
    event["lr"] = metrics.learning_rate;
    event["trainLoss"] = metrics.train_loss;
    event["trainAccuracy"] = metrics.train_accuracy;
    event["validLoss"] = metrics.valid_loss;
    event["validAccuracy"] = metrics.valid_accuracy;
    event["seconds"] = metrics.seconds;
    return event;
  });
}

}  // namespace torch_tl
