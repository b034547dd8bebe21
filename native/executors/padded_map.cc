#include "executors/padded_map.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace torch_tl {
namespace {

std::int64_t divide_up(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

}  // namespace

MapGroups::MapGroups(const PaddedMap& map, std::int64_t maps) : maps_(maps) {
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t wanted = divide_up(3 * kTilesAtOnce, map.tiles());
  count_ = std::min(maps, divide_up(divide_up(maps, wanted), threads) * threads);
}

}  // namespace torch_tl
