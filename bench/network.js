// What DenseNet-121 multiplies, from its architecture: what a speed is held against.

const BLOCK_LAYERS = [6, 12, 24, 16];
const GROWTH = 32;
const BOTTLENECK = 4 * GROWTH;

/**
 * Floating-point operations of one image's way through the backbone, two a multiplication: those of the
 * convolutions, as the network is written. Kernels may do with fewer (Winograd's, pooling first).
 */
export function forwardOperations(imageSize) {
  let side = Math.ceil(imageSize / 2);
  let channels = 64;
  let products = side ** 2 * 7 ** 2 * 3 * channels;
  side = Math.ceil(side / 2);
  for (const [block, layers] of BLOCK_LAYERS.entries()) {
    for (let layer = 0; layer < layers; layer += 1) {
      products += side ** 2 * BOTTLENECK * (channels + 3 ** 2 * GROWTH);
      channels += GROWTH;
    }
    if (block === BLOCK_LAYERS.length - 1) break;
    products += (side ** 2 * channels ** 2) / 2;
    channels /= 2;
    side = Math.floor(side / 2);
  }
  return 2 * products;
}
