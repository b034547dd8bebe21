import { Dict, type PickleValue } from '../formats/pickle.ts';
import { itemsOf } from '../formats/pth/contents.ts';
import { TorchTensor } from '../formats/pth/tensors.ts';
import type { StoredTensor } from '../formats/stored-tensor.ts';
import type { Refuse } from '../support/quoted.ts';

/*
 * From what people save in Python to the tensors of a model: a state_dict may lie in a checkpoint, and its names may
 * have been changed on the way.
 */

/** Under which key a checkpoint keeps its model, the likeliest first: PyTorch's examples, Lightning, timm. */
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

/** What wrappers put in front of every name: DataParallel, torch.compile, and modules with one member. */
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'net.', 'backbone.'];

/** Names from before torchvision 0.3: `norm.1` is `norm1` now. As in `_load_state_dict` of its densenet.py. */
const OLD_NAME = /^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$/;

/** The most bytes that are copied for tensors that do not lie in row-major order in the file. */
const MAX_COPIED = 2 ** 28;

/** The tensors of the state_dict in what a file of torch.save holds, under their names there. */
export function stateDictTensors(root: PickleValue, refuse: Refuse): StoredTensor[] {
  const tensors: StoredTensor[] = [];
  let copied = 0;
  for (const [name, tensor] of tensorsIn(findStateDict(root, refuse))) {
    if (!tensor.isContiguous) copied += tensor.byteLength;
    if (copied > MAX_COPIED)
      throw refuse(`its tensors take more than ${MAX_COPIED} bytes where they are not in order`);
    tensors.push({ name, dtype: tensor.dtype, shape: [...tensor.shape], data: tensor.read() });
  }
  return tensors;
}

/** The same tensors under the names that torchvision gives them now. */
export function torchvisionNames(tensors: readonly StoredTensor[]): StoredTensor[] {
  let names = tensors.map(({ name }) => name);
  for (;;) {
    const prefix = PREFIXES.find((text) => names.length > 0 && names.every((name) => name.startsWith(text)));
    if (prefix === undefined) break;
    names = names.map((name) => name.slice(prefix.length));
  }
  return tensors.map((tensor, i) => ({ ...tensor, name: (names[i] as string).replace(OLD_NAME, '$1$2') }));
}

function findStateDict(root: PickleValue, refuse: Refuse): Dict {
  if (!(root instanceof Dict)) throw refuse('it holds no dict, so no state_dict');
  if (tensorsIn(root).length > 0) return root;
  // Each is looked at once: a dict may stand in many places.
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
    some.length === 0
      ? 'there is no tensor in it'
      : `its tensors are ${some.map(({ path }) => path).join(', ')}…`;
  throw refuse(`no state_dict was found in it: ${hint}`);
}

function tensorsIn(dict: Dict): Array<[string, TorchTensor]> {
  return [...dict.entries].filter(
    (entry): entry is [string, TorchTensor] =>
      typeof entry[0] === 'string' && entry[1] instanceof TorchTensor,
  );
}
