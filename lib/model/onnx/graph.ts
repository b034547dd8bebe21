import { ATTRIBUTE, type AttributeProto, ELEMENT, type NodeProto, type TensorProto } from './proto.ts';

/** The name of a value in a graph. */
export type Value = string;

/** Numbers of a node: whole ones, lists of whole ones, and `{ float }`. */
type Attributes = Record<string, number | number[] | { float: number }>;

/** Builds a graph from its inputs to its outputs. */
export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];

  /** A node with one output, which is called as it is. */
  node(opType: string, name: string, input: Value[], attributes: Attributes = {}): Value {
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
    this.nodes.push({ name, opType, input, output: [name], attribute });
    return name;
  }

  /** A constant of float32. */
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
