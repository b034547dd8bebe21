import { inspect } from 'node:util';
import { shown } from './support/printable.ts';

/** The kind of error, for programs. The message tells people where it happened and what to do. */
export type ErrorCode =
  | 'ABORTED'
  | 'BUILD_FAILED'
  | 'CHECKPOINT_INVALID'
  | 'CHECKPOINT_MISMATCH'
  | 'CUDA_DRIVER_TOO_OLD'
  | 'CUDA_UNAVAILABLE'
  | 'DATA_INVALID'
  | 'DATA_NOT_FOUND'
  | 'DISPOSED'
  | 'DOWNLOAD_FAILED'
  | 'ENGINE_NOT_BUILT'
  | 'EXPORT_DIFFERS'
  | 'EXPORT_UNCHECKED'
  | 'FILE_UNREADABLE'
  | 'GLIBC_TOO_OLD'
  | 'INVALID_ARGUMENT'
  | 'JOIN_FAILED'
  | 'LIBTORCH_INCOMPLETE'
  | 'LIBTORCH_INSTALL_FAILED'
  | 'LIBTORCH_NOT_FOUND'
  | 'LIBTORCH_VERSION'
  | 'LISTEN_FAILED'
  | 'LOSS_NOT_FINITE'
  | 'MODEL_BUSY'
  | 'MUSL_UNSUPPORTED'
  | 'NATIVE_FAILURE'
  | 'NOT_FOUND'
  | 'OUT_OF_MEMORY'
  | 'OUTPUT_EXISTS'
  | 'PEER_LOST'
  | 'PEER_STOPPED'
  | 'PLATFORM_UNSUPPORTED'
  | 'PYTHON_TOO_SLOW'
  | 'RANKS_DISAGREE'
  | 'REQUEST_INVALID'
  | 'REQUEST_TOO_LARGE'
  | 'RUN_INVALID'
  | 'RUN_LOCKED'
  | 'SERVER_BUSY'
  | 'UNAUTHORIZED'
  | 'WEIGHTS_INVALID'
  | 'WEIGHTS_MISMATCH'
  | 'WEIGHTS_NOT_FOUND'
  | 'WRITE_FAILED'
  | 'WRONG_ARCHITECTURE';

type Message = string | readonly string[];

interface TorchTlErrorOptions extends ErrorOptions {
  /** The message for the command line, if it names commands and flags where the API's names functions and options. */
  atCommandLine?: Message;
}

/** Every error torch-tl throws on purpose: `code` for programs, `message` for people. */
export class TorchTlError extends Error {
  readonly code: ErrorCode;
  /**
   * The message that the command line prints.
   *
   * @internal
   */
  readonly atCommandLine: string;

  /** @param message one line or several; control characters and line breaks within a line are escaped */
  constructor(
    code: ErrorCode,
    message: Message,
    { atCommandLine = message, ...options }: TorchTlErrorOptions = {},
  ) {
    super(linesOf(message), options);
    this.name = new.target.name;
    this.code = code;
    this.atCommandLine = linesOf(atCommandLine);
  }
}

function linesOf(message: Message): string {
  return [message].flat().map(shown).join('\n');
}

/** The caller's argument, option or file is wrong. The command line exits with 2. */
export class InputError extends TorchTlError {}

/**
 * The error for an argument of the wrong type or out of range. All such messages have this form.
 *
 * @param name of the argument as the caller wrote it, such as `imageSize` or `--image-size`
 * @param expected the values that are allowed, such as `an integer of at least 32`
 * @param received the value that was passed
 * @param meant the value that was probably intended
 */
export function invalidArgument(
  name: string,
  expected: string,
  received: unknown,
  meant?: string,
): InputError {
  const value = inspect(received, {
    depth: 0,
    breakLength: Infinity,
    maxArrayLength: 5,
    maxStringLength: 200,
  });
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return new InputError('INVALID_ARGUMENT', `${name} must be ${expected}, not ${value}${hint}`);
}
