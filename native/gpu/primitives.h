#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "cuda/kernel_table.h"
#include "executors/layer_tensors.h"

namespace torch_tl::gpu {

/*
 * What the executors for GPUs are written over. There are three forms: AtenPrimitives over LibTorch's
 * operators, on any device; KernelPrimitives over the kernels of native/cuda, on a GPU or, with the same
 * loops on a CPU, in tests.
 *
 * - Rows: a tensor [rows, channels] whose channels lie side by side; rows may be any number of values apart,
 * as those of some channels of a block's buffer are. Rows are pixels of images [n, height, width] in order.
 * Their dtype is the pass's precision, float32 or bfloat16.
 * - Everything else is float32 and contiguous: values are widened, computed with in float32, and rounded once
 * where they are written.
 * - Nothing waits for the device, so that a pass can be captured as a CUDA graph.
 */

/** Images that rows are pixels of. */
struct MapShape {
  std::int64_t images = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  std::int64_t rows() const { return images * height * width; }
};

/** A norm to be prepared for use: its float32 [kNormRows, channels] are computed. */
struct NormTask {
  NormTensors norm;
  /** Mean and biased variance of a batch, [2, channels]; undefined: the norm's running statistics are taken.
   */
  at::Tensor moments;
  std::int64_t rows = 0;  // of the batch, more than 1
  at::Tensor result;      // [kNormRows, channels]
};

/** A float32 weight to be rounded into `target`, which has its shape and strides, both without gaps. */
struct PackTask {
  at::Tensor weight;  // [out, ...], out outermost in memory
  at::Tensor target;
  /** Multiplies the values of each output channel: [out], contiguous, or undefined. */
  at::Tensor scale;
};

/** How a convolution moves over its input. */
struct ConvolutionShape {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
};

class Primitives {
 public:
  Primitives() = default;
  Primitives(const Primitives&) = delete;
  Primitives& operator=(const Primitives&) = delete;
  Primitives(Primitives&&) = delete;
  Primitives& operator=(Primitives&&) = delete;
  virtual ~Primitives() = default;

  /** Rounds all weights. */
  virtual void pack(const std::vector<PackTask>& tasks) const = 0;
  /** Prepares all norms. Those with moments move their running statistics towards them, and count the batch.
   */
  virtual void prepare(const std::vector<NormTask>& tasks) const = 0;

  /**
   * Copies rows x to rows y, and computes their mean and biased variance, float32 [2, channels]. Either
   * result may be undefined, and is then left out.
   */
  virtual void place(const at::Tensor& x, const at::Tensor& y, const at::Tensor& moments) const = 0;
  /** y = ReLU(x * scale + shift), rows to rows; a NaN stays one. */
  virtual void scale_shift_relu(const at::Tensor& x, const at::Tensor& norm, const at::Tensor& y) const = 0;
  /** The mean over 2x2 pixels of that, of maps of this shape; sides are halved, rounding down. */
  virtual void average(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
                       const at::Tensor& y) const = 0;
  /**
   * The maximum over 3x3 pixels, two apart and with one of padding, of that; sides are halved, rounding up.
   * `places`, if defined, is uint8 [rows of y, channels]: which of the nine the maximum was at, the first one
   * of equals, or kNoPlace where no gradient goes through, since ReLU made it 0.
   */
  virtual void maximum(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
                       const at::Tensor& y, const at::Tensor& places) const = 0;

  /*
   * Gradients. dy is that of what one of the forms above gave; it passes where the ReLU was open. `sums` are
   * [2, channels]: of the dy that passes, the gradient of the norm's bias, and of that times the normalised
   * x, the gradient of its weight. `of_moments` is the gradient of mean and variance, [2, channels]; to it is
   * added, if it is defined, what the norm sends back through them.
   */

  /** Computes `sums` of the form scale_shift_relu. */
  virtual void sum_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                            const at::Tensor& sums) const = 0;
  /**
   * The whole gradient dx, which may be dy; `sums`, of all rows, is undefined for a norm by running
   * statistics, through which nothing goes back.
   */
  virtual void differentiate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                             const at::Tensor& sums, const at::Tensor& dx) const = 0;
  /** Adds scale * dy, where it passes, to dx; computes `sums`. */
  virtual void accumulate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                          const at::Tensor& dx, const at::Tensor& sums,
                          const at::Tensor& of_moments) const = 0;
  /** The same of the form `average`, but sets dx, 0 outside all windows; x and dx have this shape. */
  virtual void average_gradient(const MapShape& shape, const at::Tensor& dy, const at::Tensor& x,
                                const at::Tensor& norm, const at::Tensor& dx, const at::Tensor& sums,
                                const at::Tensor& of_moments) const = 0;
  /** `sums` of the form `maximum`; x has this shape. */
  virtual void sum_maximum_gradient(const MapShape& shape, const at::Tensor& dy, const at::Tensor& places,
                                    const at::Tensor& x, const at::Tensor& norm,
                                    const at::Tensor& sums) const = 0;
  /** The whole gradient dx of the form `maximum`, as `differentiate` gives it; x and dx have this shape. */
  virtual void differentiate_maximum(const MapShape& shape, const at::Tensor& dy, const at::Tensor& places,
                                     const at::Tensor& x, const at::Tensor& norm, const at::Tensor& sums,
                                     const at::Tensor& dx) const = 0;
  /** dx = dy + what goes back through the moments of x; dx may be dy. */
  virtual void add_through_moments(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& moments,
                                   const at::Tensor& of_moments, const at::Tensor& dx) const = 0;

  /*
   * Products, by LibTorch: cuBLAS and cuDNN on a GPU. Operands have one dtype; sums are float32.
   */

  /** y = a b: [rows, in], [in, out]; either may be transposed or rows of a buffer, which are read in place.
   */
  virtual void multiply(const at::Tensor& a, const at::Tensor& b, const at::Tensor& y) const;
  /** y = ReLU(a b + bias); bias [out] in the dtype of the others. */
  virtual void multiply_bias_relu(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
                                  const at::Tensor& y) const;
  /** [n, in, h, w] -> [n, out, h', w'], both channels last. */
  virtual at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight,
                              const ConvolutionShape& shape) const;

  struct ConvolutionGradients {
    at::Tensor x;
    at::Tensor weight;
  };
  /** Those that are asked for. */
  virtual ConvolutionGradients differentiate_convolution(const at::Tensor& dy, const at::Tensor& x,
                                                         const at::Tensor& weight,
                                                         const ConvolutionShape& shape, bool of_x,
                                                         bool of_weight) const;
};

}  // namespace torch_tl::gpu
