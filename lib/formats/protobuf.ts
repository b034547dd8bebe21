/*
 * Field descriptors of protobuf messages, in protobufjs' JSON form.
 */

export const field = (id: number, type: string) => ({ id, type });

export const repeated = (id: number, type: string) => ({ id, type, rule: 'repeated' });
