#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "data/batches.h"
#include "data/dataset.h"
#include "model/network.h"

namespace torch_tl {

/** How to run a network over a whole set in evaluation mode. */
struct Extraction {
  Computation computation;
  std::int64_t batch_size = 128;
  /** Hears after every batch how many images are done; throws to stop. */
  std::function<void(std::int64_t)> on_progress;
};

/** The backbone's last maps, in the data's order: [count, 1024, h, w] in the computation's precision. */
at::Tensor extract_features(Network& network, const Dataset& data, const Extraction& extraction);

/** Takes what was made of a batch, which is good until the next one. */
using KeepBatch = std::function<void(const BatchRange&, const at::Tensor&)>;

/** Gives the maps at a cut as rows ("training/rows.h"), on the network's device, batch after batch to `keep`.
 */
void extract_rows(Network& network, const Dataset& data, std::size_t cut, const Extraction& extraction,
                  const KeepBatch& keep);

/** What the head makes of the last maps: float32 [count, classes]. */
at::Tensor extract_logits(Network& network, const Dataset& data, const Extraction& extraction);

}  // namespace torch_tl
