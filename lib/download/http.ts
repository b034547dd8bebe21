import type { EnvHttpProxyAgent, Response } from 'undici';

/** What a server sends of a file. */
export interface Transfer {
  /** Where in the file `pieces` begin: what was asked for, or 0. */
  start: number;
  /** Length of the whole file in bytes; null where the server does not say. */
  total: number | null;
  /** What the server knows this state of the file by, to go on with it later; null where nothing will do. */
  validator: string | null;
  /** Throws RequestFailure where the connection breaks. */
  pieces: AsyncIterable<Uint8Array>;
}

export interface FileRequest {
  /** A user name and password in it are sent as HTTP's basic authorisation. */
  url: string;
  headers: Record<string, string>;
  /** The first byte that is wanted. */
  start: number;
  /** Of the transfer that is gone on with: where the file has changed since, it is sent from its beginning. */
  validator: string | null;
  signal: AbortSignal | undefined;
}

/** Why a request failed, as a part of a sentence. */
export class RequestFailure extends Error {
  /** Whether the same request may do better in a while. */
  readonly isTransient: boolean;
  /** Whether the server has no such part of the file. */
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

/** Requests through the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. */
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
   * @param stallMilliseconds how long a connection may bring nothing; kept to about a second
   * @throws RequestFailure where the environment names a proxy that cannot be one
   */
  static async open(stallMilliseconds: number): Promise<HttpClient> {
    // Node 20's own fetch knows no proxies. Loaded here: most programs never download.
    const undici = await import('undici');
    try {
      return new HttpClient(undici, stallMilliseconds);
    } catch (cause) {
      const { message } = cause as Error;
      throw new RequestFailure(`HTTP_PROXY or HTTPS_PROXY is no http:// or https:// URL (${message})`, {
        cause,
      });
    }
  }

  /**
   * Asks for a file from one byte on. Redirects are followed.
   *
   * @throws RequestFailure; the signal's reason
   */
  async get({ url, headers, start, validator, signal }: FileRequest): Promise<Transfer> {
    const { address, authorization } = splitCredentials(url);
    const range = start > 0 ? { range: `bytes=${start}-`, ...(validator && { 'if-range': validator }) } : {};
    const init = {
      // A compressed body has other offsets than the file.
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

  /** Breaks all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** fetch takes no URL with a user name in it. */
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
    throw new RequestFailure('the server sent another part of the file than was asked for', {
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

/** A weak entity tag stands for several states of a file. */
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

/** Node's and undici's codes for what a new connection may mend. */
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

/** fetch wraps the system's reason in errors that say only that it failed. */
function brokenConnection(cause: unknown): unknown {
  if (!(cause instanceof TypeError)) return cause;
  let inner: NodeJS.ErrnoException = cause;
  while (inner.cause instanceof Error) inner = inner.cause;
  const { code = '', message } = inner;
  return new RequestFailure(message || code, { cause, isTransient: TRANSIENT.has(code) });
}
