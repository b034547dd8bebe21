#include "gpu/kernel_primitives.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>

#include "cuda/plan.h"

namespace torch_tl::gpu {
namespace {

int gpu_index(const at::Tensor& tensor) { return tensor.is_cpu() ? 0 : tensor.get_device(); }

RowsPointer rows_pointer(const at::Tensor& rows) {
  if (!rows.defined()) return {};
  TORCH_INTERNAL_ASSERT(rows.dim() == 2 && rows.stride(1) == 1);
  return {rows.data_ptr(), rows.stride(0)};
}

ChannelsPointer channels_pointer(const at::Tensor& channels) {
  if (!channels.defined()) return {};
  TORCH_INTERNAL_ASSERT(channels.scalar_type() == at::kFloat && channels.stride(1) == 1);
  return {channels.data_ptr<float>(), channels.stride(0)};
}

Precision precision_of(const at::Tensor& tensor) {
  TORCH_INTERNAL_ASSERT(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16);
  return tensor.scalar_type() == at::kFloat ? Precision::kFloat32 : Precision::kBfloat16;
}

float* floats(const at::Tensor& tensor) { return tensor.data_ptr<float>(); }

PackEntry entry_of(const PackTask& task) {
  TORCH_INTERNAL_ASSERT(task.weight.strides() == task.target.strides() &&
                        task.weight.is_non_overlapping_and_dense());
  return {.weight = floats(task.weight),
          .target = task.target.data_ptr(),
          .scale = task.scale.defined() ? floats(task.scale) : nullptr,
          .count = task.weight.numel(),
          .per_channel = task.weight.numel() / task.weight.size(0)};
}

NormEntry entry_of(const NormTask& task) {
  const NormTensors& norm = task.norm;
  const ChannelsPointer moments = channels_pointer(task.moments);
  return {.weight = floats(norm.weight),
          .bias = floats(norm.bias),
          .running_mean = floats(norm.running_mean),
          .running_var = floats(norm.running_var),
          .num_batches_tracked = norm.num_batches_tracked.data_ptr<std::int64_t>(),
          .moments = moments.values,
          .moments_stride = moments.stride,
          .result = floats(task.result),
          .channels = norm.weight.size(0),
          .rows = task.rows};
}

}  // namespace

/** What a kernel over rows takes, as tensors; undefined where it takes none. */
struct KernelPrimitives::Operands {
  at::Tensor x;
  at::Tensor y;
  at::Tensor dy;
  at::Tensor norm;
  at::Tensor sums;
  at::Tensor moments;
  at::Tensor of_moments;
  at::Tensor places;
  MapShape shape;
  std::int64_t rows;
  bool adds_up = false;
};

void KernelPrimitives::run(RowsKernel kernel, const Operands& operands) const {
  const at::Tensor& x = operands.x;
  RowsTask task{.rows = operands.rows,
                .channels = x.size(1),
                .precision = precision_of(x),
                .x = rows_pointer(x),
                .y = rows_pointer(operands.y),
                .dy = rows_pointer(operands.dy),
                .norm = channels_pointer(operands.norm),
                .sums = channels_pointer(operands.sums),
                .moments = channels_pointer(operands.moments),
                .of_moments = channels_pointer(operands.of_moments),
                .places = operands.places.defined() ? operands.places.data_ptr<std::uint8_t>() : nullptr,
                .height = operands.shape.height,
                .width = operands.shape.width};
  at::Tensor workspace;
  if (operands.adds_up) {
    workspace = at::empty({partial_values(task)}, x.options().dtype(at::kFloat));
    task.workspace = floats(workspace);
  }
  table_.rows(kernel, task, gpu_index(x));
}

void KernelPrimitives::pack(const std::vector<PackTask>& tasks) const {
  for (std::size_t begin = 0; begin < tasks.size(); begin += kPackEntries) {
    PackBatch batch{};
    batch.count = static_cast<int>(std::min<std::size_t>(tasks.size() - begin, kPackEntries));
    batch.precision = precision_of(tasks[begin].target);
    for (int i = 0; i < batch.count; ++i) batch.entries[i] = entry_of(tasks[begin + i]);
    table_.pack(batch, gpu_index(tasks[begin].target));
  }
}

void KernelPrimitives::prepare(const std::vector<NormTask>& tasks) const {
  for (std::size_t begin = 0; begin < tasks.size(); begin += kNormEntries) {
    NormBatch batch{};
    batch.count = static_cast<int>(std::min<std::size_t>(tasks.size() - begin, kNormEntries));
    batch.epsilon = static_cast<float>(kBatchNormEpsilon);
    batch.momentum = static_cast<float>(kBatchNormMomentum);
    for (int i = 0; i < batch.count; ++i) batch.entries[i] = entry_of(tasks[begin + i]);
    table_.prepare(batch, gpu_index(tasks[begin].result));
  }
}

void KernelPrimitives::place(const at::Tensor& x, const at::Tensor& y, const at::Tensor& moments) const {
  run(RowsKernel::kPlace,
      {.x = x, .y = y, .moments = moments, .rows = x.size(0), .adds_up = moments.defined()});
}

void KernelPrimitives::scale_shift_relu(const at::Tensor& x, const at::Tensor& norm,
                                        const at::Tensor& y) const {
  run(RowsKernel::kScaleShiftRelu, {.x = x, .y = y, .norm = norm, .rows = x.size(0)});
}

void KernelPrimitives::average(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
                               const at::Tensor& y) const {
  run(RowsKernel::kAverage, {.x = x, .y = y, .norm = norm, .shape = shape, .rows = y.size(0)});
}

void KernelPrimitives::maximum(const MapShape& shape, const at::Tensor& x, const at::Tensor& norm,
                               const at::Tensor& y, const at::Tensor& places) const {
  run(RowsKernel::kMaximum,
      {.x = x, .y = y, .norm = norm, .places = places, .shape = shape, .rows = y.size(0)});
}

void KernelPrimitives::sum_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                                    const at::Tensor& sums) const {
  run(RowsKernel::kSumGradient,
      {.x = x, .dy = dy, .norm = norm, .sums = sums, .rows = x.size(0), .adds_up = true});
}

void KernelPrimitives::differentiate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                                     const at::Tensor& sums, const at::Tensor& dx) const {
  run(RowsKernel::kDifferentiate, {.x = x, .y = dx, .dy = dy, .norm = norm, .sums = sums, .rows = x.size(0)});
}

void KernelPrimitives::accumulate(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& norm,
                                  const at::Tensor& dx, const at::Tensor& sums,
                                  const at::Tensor& of_moments) const {
  run(RowsKernel::kAccumulate, {.x = x,
                                .y = dx,
                                .dy = dy,
                                .norm = norm,
                                .sums = sums,
                                .of_moments = of_moments,
                                .rows = x.size(0),
                                .adds_up = true});
}

void KernelPrimitives::average_gradient(const MapShape& shape, const at::Tensor& dy, const at::Tensor& x,
                                        const at::Tensor& norm, const at::Tensor& dx, const at::Tensor& sums,
                                        const at::Tensor& of_moments) const {
  run(RowsKernel::kAverageGradient, {.x = x,
                                     .y = dx,
                                     .dy = dy,
                                     .norm = norm,
                                     .sums = sums,
                                     .of_moments = of_moments,
                                     .shape = shape,
                                     .rows = x.size(0),
                                     .adds_up = true});
}

void KernelPrimitives::sum_maximum_gradient(const MapShape& shape, const at::Tensor& dy,
                                            const at::Tensor& places, const at::Tensor& x,
                                            const at::Tensor& norm, const at::Tensor& sums) const {
  run(RowsKernel::kSumMaximumGradient, {.x = x,
                                        .dy = dy,
                                        .norm = norm,
                                        .sums = sums,
                                        .places = places,
                                        .shape = shape,
                                        .rows = dy.size(0),
                                        .adds_up = true});
}

void KernelPrimitives::differentiate_maximum(const MapShape& shape, const at::Tensor& dy,
                                             const at::Tensor& places, const at::Tensor& x,
                                             const at::Tensor& norm, const at::Tensor& sums,
                                             const at::Tensor& dx) const {
  run(RowsKernel::kDifferentiateMaximum, {.x = x,
                                          .y = dx,
                                          .dy = dy,
                                          .norm = norm,
                                          .sums = sums,
                                          .places = places,
                                          .shape = shape,
                                          .rows = x.size(0)});
}

void KernelPrimitives::add_through_moments(const at::Tensor& dy, const at::Tensor& x,
                                           const at::Tensor& moments, const at::Tensor& of_moments,
                                           const at::Tensor& dx) const {
  run(RowsKernel::kAddThroughMoments,
      {.x = x, .y = dx, .dy = dy, .moments = moments, .of_moments = of_moments, .rows = x.size(0)});
}

}  // namespace torch_tl::gpu
