#include "executors/padded_map.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace torch_tl {

MapGroups::MapGroups(const PaddedMap& map, std::int64_t maps) : maps_(maps) {
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t wanted = at::divup(3 * kTilesAtOnce, map.tiles());
  count_ = std::min(maps, at::divup(at::divup(maps, wanted), threads) * threads);
}

}  // namespace torch_tl
