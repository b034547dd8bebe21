import type { HeadLayer } from '../../options/head.ts';
import { packageVersion } from '../../support/version.ts';
import type { ModelMetadata } from '../metadata.ts';
import { GraphBuilder, type Value } from './graph.ts';
import { ELEMENT, type ModelProto, type ValueInfoProto } from './proto.ts';

/*
 * DenseNet-121 in evaluation mode as an ONNX model, including scaling, normalisation and softmax: the input is images
 * as bytes, the output is probabilities.
 */

/** PyTorch's epsilon of batch normalisation. */
const EPSILON = 1e-5;

/**
 * Number of dense layers in each block of DenseNet-121 (Huang et al. 2017, https://arxiv.org/abs/1608.06993, table 1).
 */
const BLOCK_LAYERS = [6, 12, 24, 16];

/** Returns a tensor of the model by torchvision's name. */
export type Weights = (name: string) => { shape: readonly number[]; values: Float64Array | Float32Array };

/**
 * Builds the ONNX model. Input: `images`, uint8 `[n, side, side, 3]` (RGB, made square and resized as the metadata
 * says). Output: `probabilities`, float32 `[n, classes]`. A batch norm that follows a convolution is folded into it.
 */
export function onnxModel(
  weights: Weights,
  metadata: ModelMetadata,
  metadataText: Record<string, string>,
): ModelProto {
  const builder = new Network(weights);
  builder.images('images', metadata);
  builder.backbone();
  builder.head(metadata.head);
  builder.probabilities('probabilities');
  const { imageSize, classes } = metadata;
  return {
    irVersion: 8,
    producerName: 'torch-tl',
    producerVersion: packageVersion(),
    opsetImport: [{ domain: '', version: 17 }],
    metadataProps: Object.entries(metadataText).map(([key, value]) => ({ key, value })),
    graph: {
      name: 'densenet121',
      node: builder.nodes,
      initializer: builder.initializers,
      input: [valueInfo('images', ELEMENT.uint8, ['n', imageSize, imageSize, 3])],
      output: [valueInfo('probabilities', ELEMENT.float, ['n', classes.length])],
    },
  };
}

class Network extends GraphBuilder {
  readonly #weights: Weights;
  /** Output of the last layer so far, which the next layer reads. */
  #value: Value = '';

  constructor(weights: Weights) {
    super();
    this.#weights = weights;
  }

  /** Scales bytes to 0..1, normalises the channels and transposes to `[n, 3, side, side]`. */
  images(input: Value, { mean, std }: Pick<ModelMetadata, 'mean' | 'std'>): void {
    const scale = std.map((value) => 1 / (255 * value));
    const shift = mean.map((value, channel) => -value / (std[channel] as number));
    const floats = this.node('Cast', 'floats', [input], { to: ELEMENT.float });
    const scaled = this.node('Mul', 'scaled', [floats, this.floats('scale', [3], scale)]);
    const normalised = this.node('Add', 'normalised', [scaled, this.floats('shift', [3], shift)]);
    this.#value = this.node('Transpose', 'transposed', [normalised], { perm: [0, 3, 1, 2] });
  }

  backbone(): void {
    this.#convolution('features.conv0', { norm: 'features.norm0', strides: 2, pads: 3 });
    this.#apply('Relu', 'features.relu0');
    this.#apply('MaxPool', 'features.pool0', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
    for (const [index, layers] of BLOCK_LAYERS.entries()) {
      for (let layer = 1; layer <= layers; layer++) {
        this.#denseLayer(`features.denseblock${index + 1}.denselayer${layer}`);
      }
      if (index + 1 < BLOCK_LAYERS.length) this.#transition(`features.transition${index + 1}`);
    }
    this.#norm('features.norm5');
    this.#apply('Relu', 'features.relu5');
  }

  head(layers: readonly HeadLayer[]): void {
    const isPlain = layers.length === 2 && layers[0]?.type === 'globalAveragePool';
    for (const [index, layer] of layers.entries()) {
      // A single dense layer after a pool is named `classifier`, as in torchvision.
      const name = isPlain ? 'classifier' : `classifier.${index - 1}`;
      if (layer.type === 'globalAveragePool') {
        this.#apply('GlobalAveragePool', 'pooled');
        this.#apply('Flatten', 'flattened', { axis: 1 });
      } else if (layer.type === 'flatten') this.#apply('Flatten', 'flattened', { axis: 1 });
      else if (layer.type === 'batchNorm') this.#norm(name);
      else if (layer.type === 'relu') this.#apply('Relu', name);
      else if (layer.type === 'dense') this.#dense(name);
      // Dropout has no effect in evaluation mode.
    }
  }

  probabilities(output: Value): void {
    this.#value = this.node('Softmax', output, [this.#value], { axis: 1 });
  }

  #denseLayer(name: string): void {
    const input = this.#value;
    this.#norm(`${name}.norm1`);
    this.#apply('Relu', `${name}.relu1`);
    this.#convolution(`${name}.conv1`, { norm: `${name}.norm2` });
    this.#apply('Relu', `${name}.relu2`);
    this.#convolution(`${name}.conv2`, { pads: 1 });
    this.#value = this.node('Concat', `${name}.concat`, [input, this.#value], { axis: 1 });
  }

  #transition(name: string): void {
    this.#norm(`${name}.norm`);
    this.#apply('Relu', `${name}.relu`);
    this.#convolution(`${name}.conv`);
    this.#apply('AveragePool', `${name}.pool`, { kernel_shape: [2, 2], strides: [2, 2] });
  }

  #apply(opType: string, name: string, attributes: Parameters<GraphBuilder['node']>[3] = {}): void {
    this.#value = this.node(opType, name, [this.#value], attributes);
  }

  #norm(name: string): void {
    const tensors = ['weight', 'bias', 'running_mean', 'running_var'].map((tensor) =>
      this.#constant(`${name}.${tensor}`),
    );
    this.#value = this.node('BatchNormalization', name, [this.#value, ...tensors], {
      epsilon: { float: EPSILON },
    });
  }

  #dense(name: string): void {
    const tensors = [this.#constant(`${name}.weight`), this.#constant(`${name}.bias`)];
    this.#value = this.node('Gemm', name, [this.#value, ...tensors], { transB: 1 });
  }

  /** Adds a convolution. `norm` names a batch norm that follows it and is folded into its weights. */
  #convolution(
    name: string,
    { norm, strides = 1, pads = 0 }: { norm?: string; strides?: number; pads?: number } = {},
  ) {
    const { shape, values } = this.#weights(`${name}.weight`);
    const folded = norm === undefined ? undefined : this.#scaleAndShift(norm);
    const perOutput = values.length / (shape[0] as number);
    const scaled = folded
      ? values.map((value, index) => value * (folded.scale[Math.floor(index / perOutput)] as number))
      : values;
    const inputs = [this.#value, this.floats(`${name}.weight`, shape, scaled)];
    if (folded) inputs.push(this.floats(`${name}.bias`, [folded.shift.length], folded.shift));
    const kernel = shape.slice(2);
    this.#value = this.node('Conv', name, inputs, {
      kernel_shape: [...kernel],
      strides: [strides, strides],
      pads: [pads, pads, pads, pads],
    });
  }

  /** A batch norm as a scale and a shift per channel. */
  #scaleAndShift(name: string): { scale: number[]; shift: number[] } {
    const read = (tensor: string) => Array.from(this.#weights(`${name}.${tensor}`).values);
    const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(read) as [
      number[],
      number[],
      number[],
      number[],
    ];
    const scale = weight.map((value, channel) => value / Math.sqrt((variance[channel] as number) + EPSILON));
    const shift = bias.map(
      (value, channel) => value - (mean[channel] as number) * (scale[channel] as number),
    );
    return { scale, shift };
  }

  #constant(name: string): Value {
    const { shape, values } = this.#weights(name);
    return this.floats(name, shape, values);
  }
}

function valueInfo(name: string, elemType: number, dims: Array<number | string>): ValueInfoProto {
  const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}
