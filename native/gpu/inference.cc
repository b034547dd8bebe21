#include "gpu/inference.h"

#include <ATen/ops/empty.h>

#include <cstddef>
#include <cstdint>

#include "gpu/convolutions.h"
#include "gpu/maps.h"
#include "gpu/prepared.h"

namespace torch_tl::gpu {

at::Tensor run_inference(const Primitives& primitives, const StemTensors& stem, const at::Tensor& x) {
  const at::Tensor conv = pack(primitives, {{stem.conv}}, x.scalar_type()).front();
  const at::Tensor norm = evaluated(primitives, {stem.norm}).front();
  const at::Tensor maps = primitives.convolve(x, conv, kConv0);
  const MapShape shape = shape_of(maps);
  const at::Tensor y = at::empty({halved_up(shape).rows(), maps.size(1)}, maps.options());
  primitives.maximum(shape, rows_of(maps), norm, y, /*places=*/{});
  return maps_of(y, halved_up(shape));
}

at::Tensor run_inference(const Primitives& primitives, const std::vector<DenseLayerTensors>& layers,
                         const at::Tensor& x) {
  const at::ScalarType precision = x.scalar_type();
  const MapShape shape = shape_of(x);
  std::vector<NormTensors> norms;
  for (const DenseLayerTensors& layer : layers) norms.insert(norms.end(), {layer.norm1, layer.norm2});
  const std::vector<at::Tensor> prepared = evaluated(primitives, norms);
  std::vector<ScaledWeight> weights;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const at::Tensor& norm2 = prepared[2 * i + 1];
    weights.insert(weights.end(), {{layers[i].conv1, norm2[kScale]}, {norm2[kShift]}, {layers[i].conv2}});
  }
  const std::vector<at::Tensor> packed = pack(primitives, weights, precision);

  const std::int64_t in = x.size(1);
  const std::int64_t growth = layers.front().conv2.size(0);
  const std::int64_t bottleneck = layers.front().conv2.size(1);
  const std::int64_t out = in + growth * static_cast<std::int64_t>(layers.size());
  const at::Tensor buffer = at::empty({shape.rows(), out}, x.options());
  primitives.place(rows_of(x), buffer.narrow(1, 0, in), /*moments=*/{});
  const at::Tensor narrow = at::empty({shape.rows(), bottleneck}, x.options());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::int64_t read = layers[i].conv1.size(1);
    const at::Tensor input = at::empty({shape.rows(), read}, x.options());
    primitives.scale_shift_relu(buffer.narrow(1, 0, read), prepared[2 * i], input);
    primitives.multiply_bias_relu(input, packed[3 * i].flatten(1).t(), packed[3 * i + 1], narrow);
    const at::Tensor y = primitives.convolve(maps_of(narrow, shape), packed[3 * i + 2], kConv2);
    primitives.place(rows_of(y), buffer.narrow(1, read, growth), /*moments=*/{});
  }
  return maps_of(buffer, shape);
}

at::Tensor run_inference(const Primitives& primitives, const TransitionTensors& transition,
                         const at::Tensor& x) {
  const at::Tensor conv = pack(primitives, {{transition.conv}}, x.scalar_type()).front().flatten(1);
  const at::Tensor norm = evaluated(primitives, {transition.norm}).front();
  const MapShape shape = shape_of(x);
  const MapShape half = halved_down(shape);
  const at::Tensor pooled = at::empty({half.rows(), x.size(1)}, x.options());
  primitives.average(shape, rows_of(x), norm, pooled);
  const at::Tensor y = at::empty({half.rows(), conv.size(0)}, x.options());
  primitives.multiply(pooled, conv.t(), y);
  return maps_of(y, half);
}

}  // namespace torch_tl::gpu
