#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "gpu/maps.h"
#include "model/densenet.h"
#include "model/head.h"

namespace torch_tl {

/**
 * Runs the backbone and the head. For every section, on every pass, it chooses one of three ways:
 *
 * - plain: layer by layer, as model/densenet.h and model/head.h have it;
 * - the inference executor, if on this pass nothing in the layers changes and nothing needs a gradient;
 * - the training executor, if the pass is one of training.
 *
 * The executors compute the same in fewer passes over memory: those of native/executors on processors that
 * have their kernels, those of native/gpu on GPUs. Which layers have executors is decided once, when the
 * network is made.
 */
class Execution {
 public:
  /** Keeps references to both, which must outlive it. */
  Execution(DenseNet121& backbone, Head& head);

  /**
   * Runs sections [begin, end) in the precision of x: the maps in front of section `begin`, for 0 images
   * [n, 3, side, side], -> the maps behind section `end` - 1.
   */
  at::Tensor run_backbone(at::Tensor x, std::size_t begin, std::size_t end, const ForwardContext& context);
  /** The last map [n, 1024, h, w] -> the output of the head's first layer, a vector for each image. */
  at::Tensor run_first_of_head(at::Tensor x, const ForwardContext& context);
  /** The output of the head's first layer -> logits [n, classes]. */
  at::Tensor run_rest_of_head(at::Tensor x, const ForwardContext& context);

 private:
  /** Runs a section, or one or two layers of the head. */
  using Run = std::function<at::Tensor(at::Tensor x, const ForwardContext& context)>;

  /** Runs a section of the backbone. What is known of maps is known to the executors for GPUs alone. */
  using RunSection = std::function<gpu::Maps(const gpu::Maps& x, const ForwardContext& context)>;

  /** By the executors for GPUs where their primitives are, else as `of` has it. */
  template <typename Section>
  static RunSection on_any_device(Section& section);

  static Run of(Stem& stem);
  static Run of(DenseBlock& block);
  static Run of(Transition& transition);
  static Run of(LastNorm& last_norm);
  static Run of(Layer& layer);
  static Run of(Linear& dense);
  static Run of(BatchNorm& norm, Linear& dense);

  DenseNet121& backbone_;
  std::vector<RunSection> sections_;  // in the order of the backbone's
  std::vector<Run> head_;
};

}  // namespace torch_tl
