import { InputError } from '../../errors.ts';
import type { SafetensorsFile } from '../../formats/safetensors.ts';
import type { StoredTensor } from '../../formats/stored-tensor.ts';
import { modelMetadataText } from '../metadata.ts';
import { modelMetadataOf } from '../tensors.ts';
import { onnxModel } from './densenet.ts';
import { encodeModel } from './proto.ts';

/**
 * Encodes a model as an ONNX file (opset 17, IR 8) with scaling, normalisation and softmax. Its metadata holds classes
 * and preprocessing.
 *
 * @param contents contents of a file that `save` or a run wrote
 * @param source that file's path, for error messages
 * @throws InputError `WEIGHTS_INVALID` if tensors or metadata are not those of a model
 */
export function onnxOf(contents: SafetensorsFile, source: string): Uint8Array {
  const metadata = modelMetadataOf(contents, source);
  const byName = new Map(contents.tensors.map((tensor) => [tensor.name, tensor]));
  const weights = (name: string) => {
    const tensor = byName.get(name);
    if (!tensor) throw new InputError('WEIGHTS_INVALID', `${source} has no tensor '${name}'.`);
    return { shape: tensor.shape, values: numbersOf(tensor, source) };
  };
  return encodeModel(onnxModel(weights, metadata, modelMetadataText(metadata)));
}

function numbersOf({ name, dtype, data }: StoredTensor, source: string): Float32Array | Float64Array {
  const bytes = data.slice().buffer;
  if (dtype === 'float32') return new Float32Array(bytes);
  if (dtype === 'float64') return new Float64Array(bytes);
  throw new InputError(
    'WEIGHTS_INVALID',
    `${source} has the tensor '${name}' in ${dtype}; a model's save() writes float32.`,
  );
}
