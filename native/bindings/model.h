#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "bindings/job.h"
#include "bindings/native_object.h"
#include "model/network.h"
#include "training/extraction.h"
#include "training/observer.h"

namespace torch_tl {

/** A network, with the best epoch of its last training, and the newest checkpoint until it is released. */
struct Model {
  explicit Model(const NetworkOptions& options) : network(options) {}
  /** Forgets the last training, before a new one. */
  void forget_training() {
    const std::lock_guard lock(mutex);
    best.clear();
    best_logits.reset();
    checkpoint.reset();
  }

  Network network;
  std::mutex mutex;  // guards the members below, which a training sets and the JavaScript thread reads
  std::vector<NamedTensor> best;
  at::Tensor best_logits;  // of the validation images, float32 [count, classes]; may be undefined
  std::shared_ptr<const Checkpoint> checkpoint;
};

/** The JavaScript class `Model`; lib/engine/native.ts describes its methods. */
class ModelObject final : public NativeObject<ModelObject, Model> {
 public:
  static constexpr const char* kName = "Model";
  static constexpr napi_type_tag kTypeTag{0x1c6a94be0d3248f7ULL, 0x92d15bf8c0e7436aULL};
  using NativeObject::NativeObject;

  static Napi::Function define(Napi::Env env);
  static std::int64_t bytes_of(const Model& model);
  /** createModel(options): Job<Model> */
  static Napi::Value create(const Napi::CallbackInfo& info);

 private:
  friend class Napi::ObjectWrap<ModelObject>;
  void dispose(const Napi::CallbackInfo& info) { drop(info.Env()); }
  Napi::Value tensors(const Napi::CallbackInfo& info);
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value best(const Napi::CallbackInfo& info);
  Napi::Value best_logits(const Napi::CallbackInfo& info);
  Napi::Value checkpoint(const Napi::CallbackInfo& info);
  Napi::Value set_trainable(const Napi::CallbackInfo& info);
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value features(const Napi::CallbackInfo& info);
  Napi::Value logits(const Napi::CallbackInfo& info);
  Napi::Value grad_cam(const Napi::CallbackInfo& info);
  Napi::Value forward(const Napi::CallbackInfo& info);
  Napi::Value augmented(const Napi::CallbackInfo& info);
  Napi::Value gradients(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value find_learning_rate(const Napi::CallbackInfo& info);

  /** Queues work on this model, which it keeps alive until it has ended. */
  Napi::Value submit(const Napi::CallbackInfo& info, std::function<MakeResult(Model&, JobControl&)> work,
                     const JobQueue::Options& options = {});
  Napi::Value extract(const Napi::CallbackInfo& info, const char* name,
                      at::Tensor (*run)(Network&, const Dataset&, const Extraction&, Ranks&));
};

}  // namespace torch_tl
