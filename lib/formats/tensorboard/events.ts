import protobuf from 'protobufjs/light.js';
import { field, repeated } from '../protobuf.ts';
import { tfRecord } from './record.ts';

/*
 * The part of TensorBoard's event format that scalars need.
 * https://github.com/tensorflow/tensorboard/blob/2.21.0/tensorboard/compat/proto/event.proto and summary.proto
 */

/** `SessionLog.START`: events in earlier files with this step or a later one are discarded. */
const START = 1;

const EVENT = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: field(1, 'double'),
        step: field(2, 'int64'),
        fileVersion: field(3, 'string'),
        summary: field(5, 'Summary'),
        sessionLog: field(7, 'SessionLog'),
      },
    },
    Summary: { fields: { value: repeated(1, 'Value') } },
    Value: { fields: { tag: field(1, 'string'), simpleValue: field(2, 'float') } },
    SessionLog: { fields: { status: field(1, 'int32') } },
  },
}).lookupType('Event');

/**
 * The first records of an event file.
 *
 * @param wallTime in seconds since 1970
 * @param step of the file's first scalars
 */
export function startOfEvents(wallTime: number, step: number): Buffer {
  return Buffer.concat([
    eventRecord({ wallTime, fileVersion: 'brain.Event:2' }),
    eventRecord({ wallTime, step, sessionLog: { status: START } }),
  ]);
}

/** The record of a step's scalars, by tag. TensorBoard groups tags by the part before the slash. */
export function scalarsEvent(wallTime: number, step: number, scalars: Record<string, number>): Buffer {
  const value = Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return eventRecord({ wallTime, step, summary: { value } });
}

function eventRecord(event: object): Buffer {
  return tfRecord(EVENT.encode(event).finish());
}
