import { type ErrorCode, InputError } from '../errors.ts';

/** A request that is refused, with the HTTP status that says so. */
export class RequestError extends InputError {
  readonly status: number;
  /** Header fields of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    { headers = {}, ...options }: ErrorOptions & { headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = headers;
  }
}
