#pragma once

#include <stdexcept>
#include <string>

namespace torch_tl {

/** The work was told to stop. */
struct Aborted final : std::runtime_error {
  Aborted() : std::runtime_error("the work was stopped") {}
};

/** A loss became infinite or not a number. */
struct LossNotFinite final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** The system refused to write a file. */
struct WriteFailed final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** A file that was there is not, or not as it was. */
struct FileUnreadable final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** A checkpoint is not one of this training. */
struct CheckpointInvalid final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace torch_tl
