#pragma once

namespace torch_tl {

/**
 * Does `work`, then `last`, also where the work throws. For what may itself throw, which a destructor may not
 * while an exception is on its way: what `last` throws then takes that exception's place, since what it had
 * to put back is no longer known.
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
