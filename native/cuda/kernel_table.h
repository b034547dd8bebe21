#pragma once

#include <cstdint>

namespace torch_tl::gpu {

/*
 * What the library torch-tl-cuda offers the engine: its kernels, as functions over plain pointers. The engine
 * and the library are built together. Tests have the same loops run on a CPU (native/cuda/bodies.h).
 *
 * Rows, moments and norms are those of gpu/primitives.h.
 */

/** In place of a maximum's place: its gradient goes nowhere. */
inline constexpr std::uint8_t kNoPlace = 9;

/** What a norm does to a channel: y = x * scale + shift = (x - mean) * inverse_std * weight + bias. */
enum NormRow : std::uint8_t { kScale, kShift, kMean, kInverseStd, kNormRows };

enum class Precision : std::uint8_t { kFloat32, kBfloat16 };

/** [rows, channels], `stride` values from one row to the next; null where there are none. */
struct RowsPointer {
  void* values = nullptr;
  std::int64_t stride = 0;
};

/** float32 rows of one value a channel, `stride` values apart; null where there are none. */
struct ChannelsPointer {
  float* values = nullptr;
  std::int64_t stride = 0;
};

/** What every kernel over rows takes. */
struct RowsTask {
  std::int64_t rows = 0;
  std::int64_t channels = 0;
  Precision precision = Precision::kFloat32;
  RowsPointer x;
  RowsPointer y;  // or dx
  RowsPointer dy;
  ChannelsPointer norm;  // kNormRows
  ChannelsPointer sums;
  ChannelsPointer moments;
  ChannelsPointer of_moments;
  std::uint8_t* places = nullptr;  // [rows of the pooled maps, channels]
  /** Of the maps that are pooled, which `x` has; `rows` are those that the kernel makes. */
  std::int64_t height = 0;
  std::int64_t width = 0;
  /** At least `partial_values` of the task, for the kernels that sum over rows. */
  float* workspace = nullptr;
};

/** A weight of `count` values, of which each output channel has `per_channel` in order. */
struct PackEntry {
  const float* weight;
  void* target;
  const float* scale;  // null: 1
  std::int64_t count;
  std::int64_t per_channel;
};

struct NormEntry {
  const float* weight;
  const float* bias;
  float* running_mean;
  float* running_var;
  std::int64_t* num_batches_tracked;
  const float* moments;  // null: the running statistics are taken
  std::int64_t moments_stride;
  float* result;  // [kNormRows, channels]
  std::int64_t channels;
  std::int64_t rows;
};

/** As many entries as one launch takes, whose parameters may have 4 KB. */
inline constexpr int kPackEntries = 96;
inline constexpr int kNormEntries = 48;

struct PackBatch {
  PackEntry entries[kPackEntries];  // NOLINT(*-avoid-c-arrays): copied to the GPU as it is
  int count;
  Precision precision;
};

struct NormBatch {
  NormEntry entries[kNormEntries];  // NOLINT(*-avoid-c-arrays)
  int count;
  float epsilon;
  float momentum;
};

/** The kernels over rows, each for the primitive of its name. */
enum class RowsKernel : std::uint8_t {
  kPlace,
  kScaleShiftRelu,
  kAverage,
  kMaximum,
  kSumGradient,
  kDifferentiate,
  kAccumulate,
  kAverageGradient,
  kSumMaximumGradient,
  kDifferentiateMaximum,
  kAddThroughMoments,
};

/** Each launches on the present stream of GPU `device`, and throws c10::Error where that fails. */
struct KernelTable {
  /** The compute capabilities that the kernels were compiled for, such as `80 90`. */
  const char* capabilities;
  void (*rows)(RowsKernel kernel, const RowsTask& task, int device);
  void (*pack)(const PackBatch& batch, int device);
  void (*prepare)(const NormBatch& batch, int device);
};

/** The type of the function `torch_tl_gpu_kernels` that the library torch-tl-cuda exports. */
using GetKernelTable = const KernelTable*();

}  // namespace torch_tl::gpu
