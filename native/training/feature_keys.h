#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace torch_tl {

/** Identifies an image among those of one origin: a hash of its pixels and size. */
using ImageKey = std::array<std::uint8_t, 16>;

struct ImageKeyHash {
  std::size_t operator()(const ImageKey& key) const {
    std::size_t word = 0;
    std::memcpy(&word, key.data(), sizeof word);
    return word;
  }
};

/** The keys of a set's images. */
struct SetKeys {
  /** A hash of everything besides an image that determines its features, in 64 hexadecimal digits. */
  std::string origin;
  std::vector<ImageKey> images;
};

/** Under which keys features at one cut are kept for later trainings. */
struct FeatureKeys {
  std::string cut;
  std::string about;  // the origin in words: one line of JSON
  SetKeys training;
  SetKeys validation;
};

}  // namespace torch_tl
