#include "kernels/winograd.h"

#include "kernels/vector.h"

namespace torch_tl::TORCH_TL_INSTRUCTIONS {
namespace {

constexpr float kNear2 = kNearPoint * kNearPoint;
constexpr float kFar2 = kFarPoint * kFarPoint;

template <int kSize>
struct Line {
  Vector at[kSize];  // NOLINT(*-avoid-c-arrays): registers
};

/** Sets the polynomial's values at a point, even + odd * point, and at its negative, even - odd * point. */
template <int kSize>
TORCH_TL_INLINE void set_pair(Line<kSize>& line, int place, Vector even, Vector odd, float point) {
  line.at[place] = multiply_add(odd, every_lane(point), even);
  line.at[place + 1] = multiply_add(odd, every_lane(-point), even);
}

/** B^T d */
TORCH_TL_INLINE Line<kTileSide> input_transform(const Line<kTileSide>& d) {
  const auto between = [&](int i) {  // the polynomial whose zeros are the four points other than 0
    return multiply_add(d.at[i], every_lane(kNear2 * kFar2),
                        multiply_add(d.at[i + 2], every_lane(-kNear2 - kFar2), d.at[i + 4]));
  };
  const auto without = [&](int i, float square) {
    return multiply_add(d.at[i], every_lane(-square), d.at[i + 2]);
  };
  Line<kTileSide> places{};
  places.at[0] = between(0);
  set_pair(places, 1, without(2, kFar2), without(1, kFar2), kNearPoint);
  set_pair(places, 3, without(2, kNear2), without(1, kNear2), kFarPoint);
  places.at[5] = between(1);
  return places;
}

/** A^T m */
TORCH_TL_INLINE Line<kTileStep> output_transform(const Line<kTileSide>& m) {
  const Vector near_even = m.at[1] + m.at[2];
  const Vector near_odd = m.at[1] - m.at[2];
  const Vector far_even = m.at[3] + m.at[4];
  const Vector far_odd = m.at[3] - m.at[4];
  Line<kTileStep> pixels{};
  pixels.at[0] = m.at[0] + near_even + far_even;
  pixels.at[1] = multiply_add(near_odd, every_lane(kNearPoint), far_odd * kFarPoint);
  pixels.at[2] = multiply_add(near_even, every_lane(kNear2), far_even * kFar2);
  pixels.at[3] = multiply_add(near_odd, every_lane(kNearPoint * kNear2),
                              multiply_add(far_odd, every_lane(kFarPoint * kFar2), m.at[5]));
  return pixels;
}

/** A y */
TORCH_TL_INLINE Line<kTileSide> gradient_transform(const Line<kTileStep>& y) {
  const auto step = [&](int i, float square) {
    return multiply_add(y.at[i + 2], every_lane(square), y.at[i]);
  };
  Line<kTileSide> places{};
  places.at[0] = y.at[0];
  set_pair(places, 1, step(0, kNear2), step(1, kNear2), kNearPoint);
  set_pair(places, 3, step(0, kFar2), step(1, kFar2), kFarPoint);
  places.at[5] = y.at[3];
  return places;
}

/** Values in lines and columns, `right` and `down` values apart. */
template <typename Value>
struct Grid {
  Value* values;
  std::int64_t right;
  std::int64_t down;
};

/** Applies kTransform along lines, then along columns; writes `rows` x `columns` of the result. */
template <auto kTransform, int kFrom, int kTo>
TORCH_TL_INLINE void transform(Grid<const float> from, std::int64_t channels, Grid<float> to, int rows = kTo,
                               int columns = kTo) {
  for (std::int64_t i = 0; i < channels; i += kLanes) {
    Line<kTo> lines[kFrom];  // NOLINT(*-avoid-c-arrays)
    TORCH_TL_UNROLL
    for (int y = 0; y < kFrom; ++y) {
      Line<kFrom> line{};
      TORCH_TL_UNROLL
      for (int x = 0; x < kFrom; ++x) line.at[x] = load(from.values + y * from.down + x * from.right + i);
      lines[y] = kTransform(line);
    }
    TORCH_TL_UNROLL
    for (int x = 0; x < kTo; ++x) {
      if (x >= columns) break;
      Line<kFrom> column{};
      TORCH_TL_UNROLL
      for (int y = 0; y < kFrom; ++y) column.at[y] = lines[y].at[x];
      const Line<kTo> result = kTransform(column);
      TORCH_TL_UNROLL
      for (int y = 0; y < kTo; ++y) {
        if (y < rows) store(to.values + y * to.down + x * to.right + i, result.at[y]);
      }
    }
  }
}

void transform_tile(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                    float* tile, std::int64_t apart) {
  transform<input_transform, kTileSide, kTileSide>({pixels, right, down}, channels,
                                                   {tile, apart, kTileSide * apart});
}

void transform_back(const float* tile, std::int64_t apart, std::int64_t channels, float* pixels,
                    std::int64_t right, std::int64_t down, int rows, int columns) {
  transform<output_transform, kTileSide, kTileStep>({tile, apart, kTileSide * apart}, channels,
                                                    {pixels, right, down}, rows, columns);
}

void transform_gradient(const float* pixels, std::int64_t right, std::int64_t down, std::int64_t channels,
                        float* tile, std::int64_t apart) {
  transform<gradient_transform, kTileStep, kTileSide>({pixels, right, down}, channels,
                                                      {tile, apart, kTileSide * apart});
}

}  // namespace

WinogradKernels winograd_kernels() {
  return {.transform_tile = transform_tile,
          .transform_back = transform_back,
          .transform_gradient = transform_gradient};
}

}  // namespace torch_tl::TORCH_TL_INSTRUCTIONS
