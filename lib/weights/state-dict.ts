import { Dict, type PickleValue } from '../formats/pickle.ts';
import { itemsOf } from '../formats/pth/contents.ts';
import { TorchTensor } from '../formats/pth/tensors.ts';
import type { StoredTensor } from '../formats/stored-tensor.ts';
import { repeatedNames } from '../support/names.ts';
import { quoted, type Refuse } from '../support/quoted.ts';

/*
 * Finds the tensors of a model in a file saved by Python. The state_dict may be inside a checkpoint, and wrappers may
 * have changed its names.
 */

/** Keys under which checkpoints keep the model, most common first: PyTorch's examples, Lightning, timm. */
const KEYS = [
  'state_dict',
  'model_state_dict',
  'model',
  'net',
  'network',
  'module',
  'weights',
  'state_dict_ema',
];

/** Prefixes that wrappers add to every name: DataParallel, torch.compile, and modules with one member. */
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'net.', 'backbone.'];

/** Names of torchvision before 0.3: `norm.1` is now `norm1`. From `_load_state_dict` in torchvision's densenet.py. */
const OLD_NAME = /^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$/;

/** Largest number of bytes to copy for tensors that are not in row-major order in the file. */
const MAX_COPIED = 2 ** 28;

/** The tensors of the state_dict in the contents of a torch.save file, under their names in the file. */
export function stateDictTensors(root: PickleValue, refuse: Refuse): StoredTensor[] {
  const tensors: StoredTensor[] = [];
  let copied = 0;
  for (const [name, tensor] of tensorsIn(findStateDict(root, refuse))) {
    if (!tensor.isContiguous) copied += tensor.byteLength;
    if (copied > MAX_COPIED)
      throw refuse(`its tensors that are not in row-major order have more than ${MAX_COPIED} bytes`);
    tensors.push({ name, dtype: tensor.dtype, shape: [...tensor.shape], data: tensor.read() });
  }
  return tensors;
}

/**
 * The same tensors under torchvision's current names.
 *
 * @param refuse makes the error for a tensor that is there under its old and its current name
 */
export function torchvisionNames(tensors: readonly StoredTensor[], refuse: Refuse): StoredTensor[] {
  let names = tensors.map(({ name }) => name);
  for (;;) {
    const prefix = PREFIXES.find((text) => names.length > 0 && names.every((name) => name.startsWith(text)));
    if (prefix === undefined) break;
    names = names.map((name) => name.slice(prefix.length));
  }
  names = names.map((name) => name.replace(OLD_NAME, '$1$2'));
  const [twice] = repeatedNames(names, (name) => name);
  if (twice) throw refuse(`it has two tensors that torchvision calls ${quoted(twice[1])}`);
  return tensors.map((tensor, i) => ({ ...tensor, name: names[i] as string }));
}

function findStateDict(root: PickleValue, refuse: Refuse): Dict {
  if (!(root instanceof Dict)) throw refuse('it holds no dict, so no state_dict');
  if (tensorsIn(root).length > 0) return root;
  // Each dict is searched once, however many times it occurs.
  const known = new Map<Dict, boolean>();
  const hasTensors = (dict: Dict) => {
    const has = known.get(dict) ?? tensorsIn(dict).length > 0;
    known.set(dict, has);
    return has;
  };
  const inside = [...root.entries].filter(
    (entry): entry is [PickleValue, Dict] => entry[1] instanceof Dict && hasTensors(entry[1]),
  );
  const usual = KEYS.map((key) => inside.find(([name]) => name === key)).find((entry) => entry !== undefined);
  const [found = usual] = inside.length === 1 ? inside : [];
  if (found) return found[1];
  const some = [...itemsOf(root, refuse)].filter(({ value }) => value instanceof TorchTensor).slice(0, 5);
  const hint =
    some.length === 0 ? 'it has no tensors' : `its tensors are ${some.map(({ path }) => path).join(', ')}…`;
  throw refuse(`no state_dict was found in it: ${hint}`);
}

function tensorsIn(dict: Dict): Array<[string, TorchTensor]> {
  return [...dict.entries].filter(
    (entry): entry is [string, TorchTensor] =>
      typeof entry[0] === 'string' && entry[1] instanceof TorchTensor,
  );
}
