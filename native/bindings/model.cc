#include "bindings/model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>
#include <utility>

#include "bindings/augmentation.h"
#include "bindings/dataset.h"
#include "bindings/environment.h"
#include "bindings/group.h"
#include "bindings/training.h"
#include "training/augmented_batch.h"
#include "training/grad_cam.h"
#include "training/rate_finder.h"
#include "training/trainer.h"

namespace torch_tl {
namespace {

std::array<float, 3> to_channels(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::array<float, 3> channels{};
  for (std::uint32_t i = 0; i < 3; ++i) channels.at(i) = static_cast<float>(to_double(array.Get(i)));
  return channels;
}

NetworkOptions to_network_options(const Napi::Object& value) {
  NetworkOptions options;
  options.image_size = to_int(value.Get("imageSize"));
  options.seed = static_cast<std::uint64_t>(to_int(value.Get("seed")));
  options.mean = to_channels(value.Get("mean"));
  options.std = to_channels(value.Get("std"));
  options.device = to_device(value.Get("device"));
  const auto head = value.Get("head").As<Napi::Array>();
  for (std::uint32_t i = 0; i < head.Length(); ++i) {
    const auto layer = head.Get(i).As<Napi::Object>();
    HeadLayer parsed{to_string(layer.Get("type"))};
    if (layer.Has("units")) parsed.units = to_int(layer.Get("units"));
    if (layer.Has("rate")) parsed.rate = to_double(layer.Get("rate"));
    options.head.push_back(std::move(parsed));
  }
  return options;
}

Napi::Value layers_to_js(Napi::Env env, const std::vector<LayerDescription>& layers) {
  Napi::Array array = Napi::Array::New(env, layers.size());
  std::uint32_t index = 0;
  for (const LayerDescription& layer : layers) {
    Napi::Object object = Napi::Object::New(env);
    object["name"] = layer.name;
    object["type"] = layer.type;
    object["outputShape"] = to_js(env, layer.output_shape);
    object["parameters"] = static_cast<double>(layer.parameters);
    object["trainable"] = layer.trainable;
    array[index++] = object;
  }
  return array;
}

Extraction to_extraction(const Napi::Object& value) {
  return {to_computation(value), to_int(value.Get("batchSize")), {}};
}

/** Reads one class per image, int64 [count]; undefined if the value is null. Throws TypeError for others. */
at::Tensor to_classes(const Napi::Value& value, std::int64_t count, std::int64_t classes) {
  if (value.IsUndefined() || value.IsNull()) return {};
  at::Tensor given = to_borrowed_tensor("classes", value.As<Napi::BigInt64Array>()).copy();
  const auto* begin = given.const_data_ptr<std::int64_t>();
  const auto is_known = [classes](std::int64_t index) { return index >= 0 && index < classes; };
  if (given.numel() != count || !std::all_of(begin, begin + count, is_known)) {
    throw Napi::TypeError::New(value.Env(), "expected a class below " + std::to_string(classes) +
                                                " for each of " + std::to_string(count) + " images");
  }
  return given;
}

MakeResult nothing() {
  return [](Napi::Env env) { return env.Undefined(); };
}

}  // namespace

Napi::Function ModelObject::define(Napi::Env env) {
  return DefineClass(
      env, "Model",
      {InstanceMethod<&ModelObject::tensors>("tensors"), InstanceMethod<&ModelObject::load>("load"),
       InstanceMethod<&ModelObject::state>("state"), InstanceMethod<&ModelObject::best>("best"),
       InstanceMethod<&ModelObject::best_logits>("bestLogits"),
       InstanceMethod<&ModelObject::checkpoint>("checkpoint"),
       InstanceMethod<&ModelObject::set_trainable>("setTrainable"),
       InstanceMethod<&ModelObject::describe>("describe"), InstanceMethod<&ModelObject::features>("features"),
       InstanceMethod<&ModelObject::logits>("logits"), InstanceMethod<&ModelObject::grad_cam>("gradCam"),
       InstanceMethod<&ModelObject::forward>("forward"), InstanceMethod<&ModelObject::augmented>("augmented"),
       InstanceMethod<&ModelObject::gradients>("gradients"), InstanceMethod<&ModelObject::train>("train"),
       InstanceMethod<&ModelObject::find_learning_rate>("findLearningRate"),
       InstanceMethod<&ModelObject::dispose>("dispose")});
}

std::int64_t ModelObject::bytes_of(const Model& model) {
  std::int64_t bytes = 0;
  for (const NamedTensor& tensor : model.network.tensors()) {
    if (tensor.tensor.is_cpu()) bytes += static_cast<std::int64_t>(tensor.tensor.nbytes());
  }
  return bytes;
}

Napi::Value ModelObject::create(const Napi::CallbackInfo& info) {
  const auto options = to_network_options(info[0].As<Napi::Object>());
  const auto execute = [options](JobControl&) -> MakeResult {
    const auto model = std::make_shared<Model>(options);
    return [model](Napi::Env env) { return wrap(env, Environment::of(env).model_class, model); };
  };
  return Environment::of(info.Env()).jobs.submit(info.Env(), execute, {});
}

Napi::Value ModelObject::submit(const Napi::CallbackInfo& info,
                                std::function<MakeResult(Model&, JobControl&)> work,
                                const JobQueue::Options& options) {
  const auto execute = [model = value(), work = std::move(work)](JobControl& job) {
    return work(*model, job);
  };
  return Environment::of(info.Env()).jobs.submit(info.Env(), execute, options);
}

Napi::Value ModelObject::tensors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<NamedTensor> tensors = value()->network.tensors();
  Napi::Array array = Napi::Array::New(env, tensors.size());
  std::uint32_t index = 0;
  for (const NamedTensor& tensor : tensors) array[index++] = to_js_header(env, tensor);
  return array;
}

Napi::Value ModelObject::load(const Napi::CallbackInfo& info) {
  const auto array = info[0].As<Napi::Array>();
  const auto work = [borrowed = to_borrowed_tensors(array)](Model& model, JobControl&) {
    model.network.load(copies(borrowed));
    return nothing();
  };
  return submit(info, work, {.callback = {}, .keep = {array.As<Napi::Object>()}});
}

Napi::Value ModelObject::state(const Napi::CallbackInfo& info) {
  return submit(info, [](Model& model, JobControl&) -> MakeResult {
    return [state = model.network.snapshot()](Napi::Env env) { return to_js(env, state); };
  });
}

Napi::Value ModelObject::best(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Model> model = value();
  const std::lock_guard lock(model->mutex);
  return to_js(info.Env(), model->best);
}

Napi::Value ModelObject::best_logits(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Model> model = value();
  const std::lock_guard lock(model->mutex);
  if (!model->best_logits.defined()) return info.Env().Null();
  return to_js(info.Env(), NamedTensor{"logits", model->best_logits});
}

Napi::Value ModelObject::checkpoint(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<Model> model = value();
  const std::lock_guard lock(model->mutex);
  const std::shared_ptr<const Checkpoint> checkpoint = model->checkpoint;
  if (!checkpoint) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  object["epoch"] = static_cast<double>(checkpoint->epoch);
  object["batch"] = static_cast<double>(checkpoint->batch);
  object["count"] = static_cast<double>(checkpoint->tensors.size());
  const auto tensors = [checkpoint](const Napi::CallbackInfo& call) {
    const std::vector<NamedTensor>& all = checkpoint->tensors;
    const auto count = static_cast<std::int64_t>(all.size());
    const std::int64_t begin = std::clamp<std::int64_t>(to_int(call[0]), 0, count);
    const std::int64_t end = std::clamp<std::int64_t>(to_int(call[1]), begin, count);
    return to_js(call.Env(), std::vector(all.begin() + begin, all.begin() + end));
  };
  // Keeps a newer checkpoint that has been made meanwhile.
  const auto release = [checkpoint, owner = std::weak_ptr(model)](const Napi::CallbackInfo&) {
    const std::shared_ptr<Model> model = owner.lock();
    if (!model) return;
    const std::lock_guard lock(model->mutex);
    if (model->checkpoint == checkpoint) model->checkpoint.reset();
  };
  object["tensors"] = Napi::Function::New(env, tensors, "tensors");
  object["release"] = Napi::Function::New(env, release, "release");
  return object;
}

Napi::Value ModelObject::set_trainable(const Napi::CallbackInfo& info) {
  const auto array = info[0].As<Napi::Array>();
  const bool trainable = info[1].As<Napi::Boolean>();
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < array.Length(); ++i) names.push_back(to_string(array.Get(i)));
  return submit(info, [names = std::move(names), trainable](Model& model, JobControl&) -> MakeResult {
    std::vector<std::int64_t> matched;
    for (const std::string& name : names) matched.push_back(model.network.set_trainable(name, trainable));
    return [matched](Napi::Env env) { return to_js(env, matched); };
  });
}

Napi::Value ModelObject::describe(const Napi::CallbackInfo& info) {
  return submit(info, [](Model& model, JobControl&) -> MakeResult {
    return [layers = model.network.describe()](Napi::Env env) { return layers_to_js(env, layers); };
  });
}

Napi::Value ModelObject::features(const Napi::CallbackInfo& info) {
  return extract(info, "features", extract_features);
}

Napi::Value ModelObject::logits(const Napi::CallbackInfo& info) {
  return extract(info, "logits", extract_logits);
}

Napi::Value ModelObject::extract(const Napi::CallbackInfo& info, const char* name,
                                 at::Tensor (*run)(Network&, const Dataset&, const Extraction&, Ranks&)) {
  const auto data = DatasetObject::value_of(info[0]);
  Extraction extraction = to_extraction(info[1].As<Napi::Object>());
  const auto ranks_of = GroupObject::ranks_of(info[1].As<Napi::Object>());
  const auto work = [data, name, run, extraction, ranks_of](Model& model,
                                                            JobControl& job) mutable -> MakeResult {
    extraction.on_progress = [&job, total = data->count()](std::int64_t done) {
      job.emit_latest([done, total](Napi::Env env) {
        Napi::Object event = Napi::Object::New(env);
        event["done"] = static_cast<double>(done);
        event["total"] = static_cast<double>(total);
        return event;
      });
    };
    Ranks ranks = ranks_of(job);
    const at::Tensor values = run(model.network, *data, extraction, ranks).to(at::kCPU, at::kFloat);
    return [name, values](Napi::Env env) { return to_js(env, NamedTensor{name, values}); };
  };
  return submit(info, work,
                {.callback = info[2].As<Napi::Function>(),
                 .threads = to_threads(info[1].As<Napi::Object>()),
                 .collective = GroupObject::is_in(info[1].As<Napi::Object>())});
}

Napi::Value ModelObject::grad_cam(const Napi::CallbackInfo& info) {
  const auto data = DatasetObject::value_of(info[0]);
  const at::Tensor classes = to_classes(info[2], data->count(), value()->network.classes());
  Extraction extraction = to_extraction(info[1].As<Napi::Object>());
  const auto work = [data, classes, extraction](Model& model, JobControl& job) mutable -> MakeResult {
    extraction.on_progress = [&job](std::int64_t) { job.check_abort(); };
    return [result = torch_tl::grad_cam(model.network, *data, classes, extraction)](Napi::Env env) {
      Napi::Object object = Napi::Object::New(env);
      object["maps"] = to_js(env, NamedTensor{"maps", result.maps});
      object["logits"] = to_js(env, NamedTensor{"logits", result.logits});
      return object;
    };
  };
  return submit(info, work, {.callback = {}, .threads = to_threads(info[1].As<Napi::Object>())});
}

Napi::Value ModelObject::forward(const Napi::CallbackInfo& info) {
  const BorrowedTensor input = to_borrowed_tensor(info[0].As<Napi::Object>());
  const auto options = info[1].As<Napi::Object>();
  const auto work = [input, computation = to_computation(options)](Model& model, JobControl&) -> MakeResult {
    const at::NoGradGuard no_grad;
    const ForwardContext evaluation(computation);
    Network& network = model.network;
    const at::Tensor images = input.copy().to(network.device(), evaluation.precision);
    const at::Tensor logits = network.logits(network.features(images, evaluation), evaluation).to(at::kCPU);
    return [logits](Napi::Env env) { return to_js(env, NamedTensor{"logits", logits}); };
  };
  return submit(info, work,
                {.callback = {}, .keep = {info[0].As<Napi::Object>()}, .threads = to_threads(options)});
}

Napi::Value ModelObject::augmented(const Napi::CallbackInfo& info) {
  const auto data = DatasetObject::labelled(info[0]);
  const auto options = info[1].As<Napi::Object>();
  const auto augmentation_options = to_augmentation_options(options.Get("augmentation").As<Napi::Object>());
  const at::ScalarType precision = to_precision(options.Get("precision"));
  const auto seed = static_cast<std::uint64_t>(to_int(options.Get("seed")));
  const auto work = [data, augmentation_options, precision, seed](Model& model, JobControl&) -> MakeResult {
    Augmentation augmentation(augmentation_options, at::detail::createCPUGenerator(seed));
    const auto [images, targets] = augmented_batch(
        model.network, augmentation, data->images(BatchRange{0, data->count()}), data->labels, precision);
    const at::Tensor host_images = images.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor host_targets = targets.clone().to(at::kCPU);
    return [host_images, host_targets](Napi::Env env) {
      Napi::Object object = Napi::Object::New(env);
      object["images"] = to_js(env, NamedTensor{"images", host_images});
      object["targets"] = to_js(env, NamedTensor{"targets", host_targets});
      return object;
    };
  };
  return submit(info, work, {.callback = {}, .threads = to_threads(options)});
}

Napi::Value ModelObject::gradients(const Napi::CallbackInfo& info) {
  const auto data = DatasetObject::labelled(info[0]);
  const auto options = info[1].As<Napi::Object>();
  const Computation computation = to_computation(options);
  const auto seed = static_cast<std::uint64_t>(to_int(options.Get("seed")));
  const auto work = [data, computation, seed](Model& model, JobControl&) -> MakeResult {
    return [result = torch_tl::gradients(model.network, *data, computation, seed)](Napi::Env env) {
      Napi::Object object = Napi::Object::New(env);
      object["loss"] = result.loss;
      object["gradients"] = to_js(env, result.gradients);
      return object;
    };
  };
  return submit(info, work, {.callback = {}, .threads = to_threads(options)});
}

Napi::Value ModelObject::train(const Napi::CallbackInfo& info) {
  const auto training = DatasetObject::labelled(info[0]);
  const auto validation = info[1].IsNull() ? nullptr : DatasetObject::labelled(info[1]);
  const auto given = info[2].As<Napi::Object>();
  const TrainOptions options = to_train_options(given);
  const auto checkpoint = info[4].As<Napi::Array>();
  const auto work = [training, validation, options, borrowed = to_borrowed_tensors(checkpoint),
                     ranks_of = GroupObject::ranks_of(given)](Model& model, JobControl& job) -> MakeResult {
    model.forget_training();
    JobObserver observer(job, model);
    Ranks ranks = ranks_of(job);
    const TrainResult result = torch_tl::train(model.network, *training, validation.get(), options,
                                               copies(borrowed), ranks, observer);
    return [result](Napi::Env env) { return to_js(env, result); };
  };
  return submit(info, work,
                {.callback = info[3].As<Napi::Function>(),
                 .keep = {checkpoint.As<Napi::Object>()},
                 .threads = to_threads(given),
                 .collective = GroupObject::is_in(given)});
}

Napi::Value ModelObject::find_learning_rate(const Napi::CallbackInfo& info) {
  const auto training = DatasetObject::labelled(info[0]);
  const auto given = info[1].As<Napi::Object>();
  const TrainOptions options = to_train_options(given);
  const auto range = info[2].As<Napi::Object>();
  const RateFinderOptions finder{to_double(range.Get("start")), to_double(range.Get("end")),
                                 to_int(range.Get("steps"))};
  const auto work = [training, options, finder, ranks_of = GroupObject::ranks_of(given)](
                        Model& model, JobControl& job) -> MakeResult {
    JobObserver observer(job, model);
    Ranks ranks = ranks_of(job);
    const std::vector<RatePoint> points =
        torch_tl::find_learning_rate(model.network, *training, options, finder, ranks, observer);
    return [points](Napi::Env env) { return to_js(env, points); };
  };
  return submit(info, work,
                {.callback = info[3].As<Napi::Function>(),
                 .threads = to_threads(given),
                 .collective = GroupObject::is_in(given)});
}

}  // namespace torch_tl
