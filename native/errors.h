#pragma once

#include <stdexcept>
#include <string>

namespace torch_tl {

/** The caller stopped the work. */
struct Aborted final : std::runtime_error {
  Aborted() : std::runtime_error("the work was stopped") {}
};

/** A loss is infinite or NaN. */
struct LossNotFinite final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** A file could not be written. */
struct WriteFailed final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** A file is missing or has changed since it was opened. */
struct FileUnreadable final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** This process could not join the others of its job. */
struct JoinFailed final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** Another process of the job has ended, failed or does not answer. */
struct PeerLost final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** Another process of the job was told to stop, and so this one stops after the same batch. */
struct PeerStopped final : std::runtime_error {
  PeerStopped()
      : std::runtime_error("another process of the job was told to stop, so this one stopped too") {}
};

/** A checkpoint does not belong to this training. */
struct CheckpointInvalid final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace torch_tl
