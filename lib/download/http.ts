import type { EnvHttpProxyAgent, Response } from 'undici';

/** The response to a file request. */
export interface Transfer {
  /** Offset in the file at which `pieces` begins: the requested one, or 0. */
  start: number;
  /** Length of the whole file in bytes; null if the server does not send it. */
  total: number | null;
  /**
   * Entity tag or date of the file's current version, with which it can be resumed; null if the server sends neither.
   */
  validator: string | null;
  /** The content. Throws RequestFailure if the connection breaks. */
  pieces: AsyncIterable<Uint8Array>;
}

export interface FileRequest {
  /** A user name and password in the URL are sent as HTTP basic authentication. */
  url: string;
  headers: Record<string, string>;
  /** Offset of the first requested byte. */
  start: number;
  /** Validator of the transfer to resume. If the file has changed since, the server sends all of it. */
  validator: string | null;
  signal: AbortSignal | undefined;
}

/** A failed request. The message is a part of a sentence. */
export class RequestFailure extends Error {
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean;
  /** Whether the requested range is outside the server's file. */
  readonly isOutOfRange: boolean;

  constructor(
    message: string,
    options: ErrorOptions & { isTransient?: boolean; isOutOfRange?: boolean } = {},
  ) {
    super(message, options);
    this.isTransient = options.isTransient ?? false;
    this.isOutOfRange = options.isOutOfRange ?? false;
  }
}

/** An HTTP client that uses the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export class HttpClient {
  readonly #undici: typeof import('undici');
  readonly #agent: EnvHttpProxyAgent;

  private constructor(undici: typeof import('undici'), stallMilliseconds: number) {
    this.#undici = undici;
    this.#agent = new undici.EnvHttpProxyAgent({
      connect: { timeout: stallMilliseconds },
      headersTimeout: stallMilliseconds,
      bodyTimeout: stallMilliseconds,
    });
  }

  /**
   * @param stallMilliseconds time without data after which a connection counts as broken, accurate to about a second
   * @throws RequestFailure if a proxy variable is not a valid URL
   */
  static async open(stallMilliseconds: number): Promise<HttpClient> {
    // Node.js 20's own fetch does not support proxies. Loaded here, since most programs never download.
    const undici = await import('undici');
    try {
      return new HttpClient(undici, stallMilliseconds);
    } catch (cause) {
      const { message } = cause as Error;
      throw new RequestFailure(`HTTP_PROXY or HTTPS_PROXY is not an http:// or https:// URL (${message})`, {
        cause,
      });
    }
  }

  /**
   * Requests a file from a byte offset. Redirects are followed.
   *
   * @throws RequestFailure; the signal's reason after an abort
   */
  async get({ url, headers, start, validator, signal }: FileRequest): Promise<Transfer> {
    const { address, authorization } = splitCredentials(url);
    const range = start > 0 ? { range: `bytes=${start}-`, ...(validator && { 'if-range': validator }) } : {};
    const init = {
      // Offsets in a compressed body would differ from those in the file.
      headers: { 'accept-encoding': 'identity', ...authorization, ...headers, ...range },
      dispatcher: this.#agent,
      ...(signal && { signal }),
    };
    let response: Response;
    try {
      response = await this.#undici.fetch(address, init);
    } catch (cause) {
      throw brokenConnection(cause);
    }
    return toTransfer(response, start);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Moves user name and password from the URL to a header: fetch rejects URLs that contain them. */
function splitCredentials(url: string): { address: URL; authorization: Record<string, string> } {
  const address = new URL(url);
  const { username, password } = address;
  if (username === '' && password === '') return { address, authorization: {} };
  address.username = '';
  address.password = '';
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { address, authorization: { authorization: `Basic ${credentials.toString('base64')}` } };
}

async function toTransfer(response: Response, start: number): Promise<Transfer> {
  const { status, statusText, headers, body } = response;
  if ((status !== 200 && status !== 206) || body === null) {
    await body?.cancel();
    throw new RequestFailure(`the server answered ${`${status} ${statusText}`.trim()}`, {
      isTransient: status >= 500 || [408, 425, 429].includes(status),
      isOutOfRange: status === 416,
    });
  }
  const [, first, total] = headers.get('content-range')?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/) ?? [];
  if (status === 206 && Number(first) !== start) {
    await body.cancel();
    throw new RequestFailure('the server sent a different range of the file than requested', {
      isOutOfRange: true,
    });
  }
  return {
    start: status === 206 ? start : 0,
    total: toCount(status === 206 ? total : headers.get('content-length')),
    validator: validatorOf(response),
    pieces: piecesOf(body),
  };
}

/** The strong entity tag, else the date. A weak entity tag does not identify a file's bytes. */
function validatorOf({ headers }: Response): string | null {
  const tag = headers.get('etag');
  return tag?.startsWith('"') ? tag : headers.get('last-modified');
}

function toCount(text: string | null | undefined): number | null {
  return text && /^\d+$/.test(text) ? Number(text) : null;
}

async function* piecesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw brokenConnection(cause);
  }
}

/** Codes of Node.js and undici for errors after which a new connection may succeed. */
const TRANSIENT = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Unwraps the system's error: fetch wraps it in errors that only say "fetch failed". */
function brokenConnection(cause: unknown): unknown {
  if (!(cause instanceof TypeError)) return cause;
  let inner: NodeJS.ErrnoException = cause;
  while (inner.cause instanceof Error) inner = inner.cause;
  const { code = '', message } = inner;
  return new RequestFailure(message || code, { cause, isTransient: TRANSIENT.has(code) });
}
