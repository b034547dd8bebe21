import { inspect } from 'node:util';
import { shown } from './support/printable.ts';

/** What went wrong, for programs. The message says where and what to do, for people. */
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
  | 'LIBTORCH_INCOMPLETE'
  | 'LIBTORCH_INSTALL_FAILED'
  | 'LIBTORCH_NOT_FOUND'
  | 'LIBTORCH_VERSION'
  | 'LOSS_NOT_FINITE'
  | 'MODEL_BUSY'
  | 'MUSL_UNSUPPORTED'
  | 'NATIVE_FAILURE'
  | 'OUT_OF_MEMORY'
  | 'OUTPUT_EXISTS'
  | 'PLATFORM_UNSUPPORTED'
  | 'PYTHON_TOO_SLOW'
  | 'RUN_INVALID'
  | 'RUN_LOCKED'
  | 'WEIGHTS_INVALID'
  | 'WEIGHTS_MISMATCH'
  | 'WEIGHTS_NOT_FOUND'
  | 'WRITE_FAILED'
  | 'WRONG_ARCHITECTURE';

type Message = string | readonly string[];

interface TorchTlErrorOptions extends ErrorOptions {
  /** The message in commands and flags, where that for programs names functions and options. */
  atCommandLine?: Message;
}

/** Every error torch-tl throws on purpose: `code` for programs, `message` for people. */
export class TorchTlError extends Error {
  readonly code: ErrorCode;
  /**
   * What the command line says.
   *
   * @internal
   */
  readonly atCommandLine: string;

  /** @param message one line, or several; what is unfit to be shown in a line is escaped, line breaks too */
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

/** The caller's argument, option or file is at fault; the command line exits 2 for it. */
export class InputError extends TorchTlError {}

/**
 * An argument of the wrong kind or out of range, in the one form all such messages have.
 *
 * @param name what the caller knows the argument as, such as `imageSize` or `--image-size`
 * @param expected what it must be, such as `an integer of at least 32`
 * @param received what came instead
 * @param meant what it was most likely meant to be
 */
export function invalidArgument(
  name: string,
  expected: string,
  received: unknown,
  meant?: string,
): InputError {
  const given = inspect(received, {
    depth: 0,
    breakLength: Infinity,
    maxArrayLength: 5,
    maxStringLength: 200,
  });
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return new InputError('INVALID_ARGUMENT', `${name} must be ${expected}, not ${given}${hint}`);
}
