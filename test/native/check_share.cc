// Checks how batches are shared between processes. Prints each wrong share; exits 1 if there are any.

#include <algorithm>
#include <cstdint>
#include <iostream>

#include "data/share.h"

namespace {

using namespace torch_tl;

/** What is wrong with the shares of one batch; nullptr if nothing is. */
const char* fault_of(const BatchRange& batch, std::int64_t processes) {
  std::int64_t next = batch.begin;
  std::int64_t shortest = batch.size();
  std::int64_t longest = 0;
  for (std::int64_t rank = 0; rank < processes; ++rank) {
    const BatchRange part = Share{rank, processes}.part(batch);
    if (part.begin != next) return "an image is left out or taken twice";
    next = part.end;
    if (part.size() == 1 && batch.size() > 1) return "a rank has a single image";
    longest = std::max(longest, part.size());
    if (part.size() > 0) shortest = std::min(shortest, part.size());
  }
  if (next != batch.end) return "the last images are left out";
  return longest - shortest > 1 ? "the shares are uneven" : nullptr;
}

}  // namespace

int main() {
  bool failed = false;
  for (std::int64_t images = 0; images <= 200; ++images) {
    for (std::int64_t processes = 1; processes <= 70; ++processes) {
      const char* fault = fault_of({1000, 1000 + images}, processes);
      if (fault == nullptr) continue;
      failed = true;
      std::cout << images << " images, " << processes << " processes: " << fault << '\n';
    }
  }
  return failed ? 1 : 0;
}
