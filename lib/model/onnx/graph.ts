import { ATTRIBUTE, type AttributeProto, ELEMENT, type NodeProto, type TensorProto } from './proto.ts';

/** The name of a value in a graph. */
export type Value = string;

/** Attributes of a node: integers, lists of integers, and floats as `{ float }`. */
type Attributes = Record<string, number | number[] | { float: number }>;

/** Builds a graph from its inputs to its outputs. */
export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];

  /** Adds a node with one output, and returns the output's name, which is the node's. */
  node(opType: string, name: string, input: Value[], attributes: Attributes = {}): Value {
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
    this.nodes.push({ name, opType, input, output: [name], attribute });
    return name;
  }

  /** Adds a float32 constant, and returns its name. */
  floats(name: string, dims: readonly number[], values: ArrayLike<number>): Value {
    const rawData = new Uint8Array(Float32Array.from(values).buffer);
    this.initializers.push({ name, dims: [...dims], dataType: ELEMENT.float, rawData });
    return name;
  }
}

function attributeOf(name: string, value: number | number[] | { float: number }): AttributeProto {
  if (Array.isArray(value)) return { name, type: ATTRIBUTE.ints, ints: value };
  if (typeof value === 'number') return { name, type: ATTRIBUTE.int, i: value };
  return { name, type: ATTRIBUTE.float, f: value.float };
}
