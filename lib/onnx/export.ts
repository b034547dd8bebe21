import { InputError } from '../errors.ts';
import { modelMetadataText, readModelMetadata } from '../model-file.ts';
import { readSafetensors } from '../weights/safetensors.ts';
import type { StoredTensor } from '../weights/stored-tensor.ts';
import { onnxModel } from './densenet.ts';
import { encodeModel } from './proto.ts';

/**
 * A model's file as an ONNX model (opset 17, IR 8), preprocessing and softmax included; classes and preprocessing
 * stand in its metadata.
 *
 * @param path what `save` or a run wrote
 * @throws InputError `WEIGHTS_INVALID` or `FILE_UNREADABLE`
 */
export async function onnxFile(path: string): Promise<Uint8Array> {
  const { tensors, metadata: text } = await readSafetensors(path);
  const metadata = readModelMetadata(text, path);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const weights = (name: string) => {
    const tensor = byName.get(name);
    if (!tensor) throw new InputError('WEIGHTS_INVALID', `${path} has no tensor '${name}'.`);
    return { shape: tensor.shape, values: numbersOf(tensor, path) };
  };
  return encodeModel(onnxModel(weights, metadata, modelMetadataText(metadata)));
}

function numbersOf({ name, dtype, data }: StoredTensor, path: string): Float32Array | Float64Array {
  const bytes = data.slice().buffer;
  if (dtype === 'float32') return new Float32Array(bytes);
  if (dtype === 'float64') return new Float64Array(bytes);
  throw new InputError(
    'WEIGHTS_INVALID',
    `${path} has '${name}' as ${dtype}; a model's save() writes float32.`,
  );
}
