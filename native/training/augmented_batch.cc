#include "training/augmented_batch.h"

namespace torch_tl {

Batch augmented_batch(const Network& network, Augmentation& augmentation, const at::Tensor& pixels,
                      const at::Tensor& labels, at::ScalarType precision) {
  const at::Tensor images = network.normalise(augmentation.images(pixels, network.image_size()), precision);
  augmentation.erase(images);
  return augmentation.mix({images, labels}, network.classes());
}

}  // namespace torch_tl
