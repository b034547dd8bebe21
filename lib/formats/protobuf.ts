/*
 * Fields of protobuf messages, in the JSON that protobufjs makes types of.
 */

export const field = (id: number, type: string) => ({ id, type });

export const repeated = (id: number, type: string) => ({ id, type, rule: 'repeated' });
