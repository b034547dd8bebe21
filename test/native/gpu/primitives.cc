#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <utility>

#include "comparison.h"
#include "gpu/maps.h"

namespace torch_tl {
namespace {

using gpu::MapShape;
using gpu::Primitives;

/** Where rows lie: so many channels, of a buffer of so many, from one of them on. */
struct Layout {
  std::int64_t channels;
  std::int64_t buffer;
  std::int64_t begin;
};

/** Wide loads in place, in a buffer, and from an odd place on; single loads of odd numbers of channels. */
constexpr std::array kLayouts{Layout{32, 32, 0}, Layout{96, 256, 0},   Layout{32, 256, 96},
                              Layout{8, 19, 3},  Layout{64, 200, 20},  Layout{5, 5, 0},
                              Layout{1, 3, 1},   Layout{1024, 1024, 0}};

/** One pixel, sides of one, odd and even sides, and more rows than a block of threads takes. */
constexpr std::array kShapes{MapShape{1, 1, 1}, MapShape{3, 1, 7},  MapShape{2, 5, 1},   MapShape{1, 2, 2},
                             MapShape{5, 3, 3}, MapShape{2, 9, 12}, MapShape{1, 47, 33}, MapShape{3, 51, 39}};

/** Larger operands would only take time. */
constexpr std::int64_t kMostValues = 250'000;

/** Draws operands, always the same ones for the same case. */
class Operands {
 public:
  Operands(const Layout& layout, at::ScalarType precision) : layout_(layout), precision_(precision) {}

  /** Rows within a buffer, whose other values must stay as they are: so they are compared too. */
  std::pair<at::Tensor, at::Tensor> rows_in_buffer(std::int64_t rows) {
    const at::Tensor buffer = at::randn({rows, layout_.buffer}, generator_).to(precision_);
    return {buffer, buffer.narrow(1, layout_.begin, layout_.channels)};
  }
  at::Tensor rows(std::int64_t count) { return rows_in_buffer(count).second; }
  at::Tensor norm() {
    at::Tensor norm = at::randn({gpu::kNormRows, layout_.channels}, generator_).mul_(0.5);
    norm[gpu::kInverseStd].abs_().add_(0.5);
    return norm;
  }
  /** [2, channels] within wider rows, as a block's moments are. */
  at::Tensor pair() {
    return at::randn({2, layout_.channels + 3}, generator_).narrow(1, 2, layout_.channels);
  }
  at::Tensor places(std::int64_t rows) {
    return at::rand({rows, layout_.channels}, generator_).mul_(10).to(at::kByte);
  }

 private:
  Layout layout_;
  at::ScalarType precision_;
  at::Generator generator_ = at::detail::createCPUGenerator(17);
};

using Tensors = std::vector<NamedTensor>;

/** Runs every primitive over rows of this shape and layout, and gives all that they write. */
Tensors run_all(const Primitives& primitives, const MapShape& shape, const Layout& layout,
                at::ScalarType precision) {
  Operands draw(layout, precision);
  const std::int64_t rows = shape.rows();
  const at::Tensor x = draw.rows(rows);
  const at::Tensor norm = draw.norm();
  const at::Tensor dy = draw.rows(rows);
  Tensors results;
  const auto keep = [&](const char* name, const at::Tensor& tensor) { results.push_back({name, tensor}); };
  const auto target = [&](const char* name, std::int64_t count) {
    const auto [buffer, part] = draw.rows_in_buffer(count);
    keep(name, buffer);
    return part;
  };
  const auto pair = [&](const char* name) {
    at::Tensor values = draw.pair();
    keep(name, values);
    return values;
  };

  primitives.place(x, target("place", rows), {});
  primitives.place(x, target("place with moments", rows), pair("moments"));
  primitives.place(x, {}, pair("moments alone"));
  primitives.scale_shift_relu(x, norm, target("scale_shift_relu", rows));

  const at::Tensor sums = pair("sum_gradient");
  primitives.sum_gradient(dy, x, norm, sums);
  primitives.differentiate(dy, x, norm, draw.pair(), target("differentiate", rows));
  primitives.differentiate(dy, x, norm, {}, target("differentiate, frozen", rows));
  const at::Tensor in_place = target("differentiate in place", rows);
  primitives.differentiate(in_place, x, norm, draw.pair(), in_place);
  primitives.accumulate(dy, x, norm, target("accumulate", rows), pair("accumulate's sums"),
                        pair("accumulate's moments"));
  primitives.accumulate(dy, x, norm, target("accumulate, frozen", rows), pair("sums, frozen"), {});
  primitives.add_through_moments(dy, x, draw.pair(), draw.pair(), target("add_through_moments", rows));

  const MapShape half = gpu::halved_down(shape);
  if (half.rows() > 0) {
    primitives.average(shape, x, norm, target("average", half.rows()));
    primitives.average_gradient(shape, draw.rows(half.rows()), x, norm, target("average_gradient", rows),
                                pair("average_gradient's sums"), pair("average_gradient's moments"));
  }
  const MapShape up = gpu::halved_up(shape);
  const at::Tensor places = at::empty({up.rows(), layout.channels}, at::kByte);
  primitives.maximum(shape, x, norm, target("maximum", up.rows()), places);
  keep("places", places);
  primitives.maximum(shape, x, norm, target("maximum without places", up.rows()), {});
  const at::Tensor pooled = draw.rows(up.rows());
  primitives.sum_maximum_gradient(shape, pooled, places, x, norm, pair("sum_maximum_gradient"));
  primitives.differentiate_maximum(shape, pooled, places, x, norm, draw.pair(),
                                   target("differentiate_maximum", rows));
  return results;
}

/** Weights and norms, more of them than one launch takes. */
Tensors prepare_all(const Primitives& primitives, at::ScalarType precision) {
  at::Generator generator = at::detail::createCPUGenerator(19);
  Tensors results;
  std::vector<gpu::PackTask> weights;
  std::vector<gpu::NormTask> norms;
  for (std::int64_t i = 0; i < 130; ++i) {
    const std::int64_t channels = 1 + 7 * (i % 5);
    const at::Tensor weight =
        at::randn({channels, 3 + i % 4, 3, 3}, generator)
            .contiguous(i % 2 == 0 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
    const at::Tensor target = at::empty_strided(weight.sizes(), weight.strides(), precision);
    weights.push_back({weight, target, i % 3 == 0 ? at::randn({channels}, generator) : at::Tensor()});
    results.push_back({"pack", target});
    NormTensors norm{at::randn({channels}, generator), at::randn({channels}, generator),
                     at::randn({channels}, generator), at::rand({channels}, generator),
                     at::zeros({}, at::kLong)};
    const at::Tensor result = at::empty({gpu::kNormRows, channels});
    norms.push_back(
        {norm, i % 2 == 0 ? at::rand({2, channels + 2}, generator).narrow(1, 1, channels) : at::Tensor(),
         2 + i, result});
    for (const auto& [name, tensor] : {std::pair{"prepare", result},
                                       {"running mean", norm.running_mean},
                                       {"running variance", norm.running_var},
                                       {"batches", norm.num_batches_tracked}}) {
      results.push_back({name, tensor});
    }
  }
  primitives.pack(weights);
  primitives.prepare(norms);
  return results;
}

/** Widens the largest difference seen, unless one is past the tolerance, which is printed. */
bool close(const Tensors& actual, const Tensors& expected, double tolerance, double& largest) {
  bool all = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double off = difference(actual.at(i), expected[i]);
    largest = std::max(largest, off);
    if (off <= tolerance) continue;
    all = false;
    std::cout << actual[i].name << " of " << actual[i].tensor.sizes() << " is off by " << off << '\n';
  }
  return all;
}

}  // namespace

bool primitives_agree(const Primitives& actual, const Primitives& expected) {
  bool agree = true;
  // Where a value lies between two of bfloat16, float32's rounding decides; where it lies at a ReLU's kink,
  // likewise.
  for (const auto& [precision, tolerance] : {std::pair{at::kFloat, 5e-6}, std::pair{at::kBFloat16, 1e-3}}) {
    double largest = 0;
    for (const MapShape& shape : kShapes) {
      for (const Layout& layout : kLayouts) {
        if (shape.rows() * layout.buffer > kMostValues) continue;
        agree = close(run_all(actual, shape, layout, precision), run_all(expected, shape, layout, precision),
                      tolerance, largest) &&
                agree;
      }
    }
    agree =
        close(prepare_all(actual, precision), prepare_all(expected, precision), tolerance, largest) && agree;
    std::cout << "kernels' loops, " << (precision == at::kFloat ? "fp32" : "bf16")
              << ", from plain primitives: " << largest << '\n';
  }
  return agree;
}

}  // namespace torch_tl
