#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <vector>

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
 * The executors (native/executors) compute the same in fewer passes over memory, on processors that have
 * their kernels. Which layers have executors is decided once, when the network is made.
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

  static Run of(Stem& stem);
  static Run of(DenseBlock& block);
  static Run of(Transition& transition);
  static Run of(LastNorm& last_norm);
  static Run of(Layer& layer);
  static Run of(BatchNorm& norm, Linear& dense);

  DenseNet121& backbone_;
  std::vector<Run> sections_;  // in the order of the backbone's
  std::vector<Run> head_;
};

}  // namespace torch_tl
