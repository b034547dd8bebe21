import assert from 'node:assert/strict';
import { unpickle } from '../../../lib/formats/pickle.ts';
import { findGlobal } from '../../../lib/formats/pth/tensors.ts';
import { zipArchive } from '../../../lib/formats/pth/zip-writer.ts';
import type { Target } from '../target.ts';
import { readTorchFile, TORCH_MEMORY } from '../torch-file.ts';

/** All that a pickle of torch.save may name. */
const ALLOWED = [
  /^torch(\.storage)?\.(Half|BFloat16|Float|Double|Char|Short|Int|Long|Byte|Bool|ComplexFloat|ComplexDouble|Untyped)Storage$/,
  /^torch\.(b?float16|float(32|64)|u?int(8|16|32|64)|bool|complex(32|64|128)|float8_e4m3fn|float8_e4m3fnuz|float8_e5m2|float8_e5m2fnuz)$/,
  /^torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter|parameter_with_state)$/,
  /^torch\._tensor\._rebuild_from_type_v2$/,
  /^torch\.(Tensor|Size|device|nn\.parameter\.Parameter|serialization\._get_layout)$/,
  /^(collections\.OrderedDict|builtins\.set|__builtin__\.set|_codecs\.encode)$/,
];

/** Storages that the pickle may refer to, by their keys. */
const STORAGES = [16, 64, 1024].map(
  (length, key) => [`archive/data/${key}`, Buffer.alloc(length, key)] as const,
);

/** The input is the pickle inside an archive of torch.save. */
export const target: Target = {
  refusals: ['WEIGHTS_INVALID'],
  memory: TORCH_MEMORY,
  async read(bytes, directory) {
    requireAllowed(bytes);
    const pickle = ['archive/data.pkl', bytes] as const;
    await readTorchFile(Buffer.concat(zipArchive([pickle, ...STORAGES])), directory);
  },
};

/** Runs the pickle and looks at each name that it gets an answer to. */
function requireAllowed(bytes: Uint8Array): void {
  const refuse = (problem: string) => new RangeError(problem);
  const find = (module: string, name: string) => {
    const found = findGlobal(module, name, refuse);
    assert.ok(
      ALLOWED.some((pattern) => pattern.test(`${module}.${name}`)),
      `it may name ${module}.${name}`,
    );
    return found;
  };
  try {
    unpickle(bytes, 0, { find, load: () => null, refuse });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}
