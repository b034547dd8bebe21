#include "check.h"

namespace torch_tl {

namespace {

/** Interleaves the rows of [depth, columns] two by two, a last single row with zeros. */
Halves in_pairs(Halves matrix, std::int64_t columns) {
  matrix.resize((matrix.size() / columns + 1) / 2 * 2 * columns);
  Halves pairs(matrix.size());
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    const std::size_t row = i / columns;
    pairs[row / 2 * 2 * columns + i % columns * 2 + row % 2] = matrix[i];
  }
  return pairs;
}

}  // namespace

void check_products(const Kernels& kernels, Check& check) {
  constexpr std::int64_t kDepth = 70;
  constexpr std::int64_t kStride = 74;  // of a
  constexpr std::int64_t kWide = 96;    // of c
  const Floats a = draw(kStride * 40);
  const Floats matrix = draw(kDepth * kPanel);
  const auto product = [&](const Floats& left, const Floats& right, std::int64_t rows) {
    std::vector<double> c(rows * kWide, 7);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < kPanel; ++column) {
        double sum = 0;
        for (std::int64_t k = 0; k < kDepth; ++k) {
          sum += static_cast<double>(left[row * kStride + k]) * right[k * kPanel + column];
        }
        c[row * kWide + column] = sum;
      }
    }
    return c;
  };
  for (std::int64_t rows = 1; rows <= 40; ++rows) {
    Floats c(rows * kWide, 7);
    kernels.multiply_panel(a.data(), kStride, packed(kernels, matrix, 1).data(), rows, kDepth, c.data(),
                           kWide);
    check.equal("multiply_panel", c, product(a, matrix, rows));

    const Halves left = rounded(a);
    const Halves right = rounded(matrix);
    Floats c_bf16(rows * kWide, 7);
    kernels.multiply_panel_bf16(left.data(), kStride, packed(kernels, right, 2).data(), rows, kDepth,
                                c_bf16.data(), kWide);
    check.equal("multiply_panel_bf16", c_bf16, product(widened(left), widened(right), rows));
  }
  for (const std::int64_t depth : {1, 13, 48}) {
    constexpr std::int64_t kColumns = 36;
    const auto outer = [&](const Floats& left, const Floats& right, const Floats& before) {
      std::vector<double> c(before.begin(), before.end());
      for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t i = 0; i < kColumns; ++i) {
          for (std::int64_t j = 0; j < kPanel; ++j) {
            c[i * kWide + j] += static_cast<double>(left[k * kColumns + i]) * right[k * kWide + j];
          }
        }
      }
      return c;
    };
    const Floats left = draw(depth * kColumns);
    const Floats right = draw(depth * kWide);
    const Floats before = draw(kColumns * kWide);
    Floats c = before;
    kernels.accumulate_outer(left.data(), kColumns, kColumns, right.data(), kWide, depth, c.data(), kWide);
    check.equal("accumulate_outer", c, outer(left, right, before));

    c = before;
    kernels.accumulate_outer_bf16(in_pairs(rounded(left), kColumns).data(), 2 * kColumns, kColumns,
                                  in_pairs(rounded(right), kWide).data(), 2 * kWide, depth + depth % 2,
                                  c.data(), kWide);
    check.equal("accumulate_outer_bf16", c, outer(widened(rounded(left)), widened(rounded(right)), before));
  }
}

}  // namespace torch_tl
