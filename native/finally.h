#pragma once

namespace torch_tl {

/**
 * Runs `work`, then `last`, even if the work throws. For a `last` that may throw, as a destructor must not
 * during stack unwinding: its exception replaces that of the work, since the state that it had to restore is
 * then unknown.
 */
template <typename Work, typename Last>
void finally(Work work, Last last) {
  try {
    work();
  } catch (...) {
    last();
    throw;
  }
  last();
}

}  // namespace torch_tl
