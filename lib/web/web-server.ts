import { STATUS_CODES } from 'node:http';
import { type AddressInfo, isIPv4, type Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { InputError, TorchTlError } from '../errors.ts';
import { reason } from '../support/files.ts';
import { RequestError } from './request-error.ts';

/** Where a server listens. */
export interface ListenOptions {
  /** Name or address of the interface. */
  host: string;
  /** 0 takes a free one. */
  port: number;
}

export interface WebServerOptions {
  /** Maximum size of a request's body in bytes. */
  bodyLimit?: number;
  /** Time in milliseconds within which a request must have arrived. */
  requestTimeout?: number;
  /** Origins whose pages may read answers, `*` for all; none by default. */
  corsOrigin?: string | undefined;
  /** Called with errors that are not the client's. */
  onError?: ((error: Error) => void) | undefined;
}

const METHODS = ['GET', 'POST'] as const;

/** No page may load anything from elsewhere, run inline scripts, or be framed. Bars and cells set their share as a style. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** The servers that answer only requests that name this machine as their host. */
const localOnly = new WeakSet<FastifyInstance>();

/**
 * A web server without routes. It answers errors with JSON, `{ error: { code, message } }`, and sets the header fields
 * that keep a page to itself.
 */
export async function webServer({
  bodyLimit = 1 << 16,
  requestTimeout = 30_000,
  corsOrigin,
  onError = () => {},
}: WebServerOptions = {}): Promise<FastifyInstance> {
  const { fastify } = await import('fastify');
  const app = fastify({
    bodyLimit,
    requestTimeout,
    forceCloseConnections: 'idle',
    // Fastify's own refusal has another form than all others. Whoever ends a server refuses requests, if it must.
    return503OnClosing: false,
    // Node's default checks for late requests twice a minute only.
    http: { connectionsCheckingInterval: 1000 },
    frameworkErrors: (error, _request, reply) => answerError(error, reply, onError),
    clientErrorHandler: refuseMalformed,
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    reply.header('cross-origin-resource-policy', corsOrigin === undefined ? 'same-origin' : 'cross-origin');
    if (corsOrigin !== undefined) reply.header('access-control-allow-origin', corsOrigin);
    if (localOnly.has(app)) requireLocalHost(request);
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(error, reply, onError));
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?');
    const allowed = METHODS.filter((method) => app.hasRoute({ method, url: path }));
    if (corsOrigin !== undefined && request.method === 'OPTIONS' && allowed.length > 0)
      return preflight(reply, allowed);
    return answerError(notFound(request, allowed), reply, onError);
  });
  return app;
}

/**
 * Listens. A server of the loopback interface answers only requests that name this machine as their host, so that a page
 * elsewhere whose name was made to point here cannot read from it.
 *
 * @returns the server's URL
 * @throws InputError `LISTEN_FAILED` if the address is taken or not to be had
 */
export async function listen(app: FastifyInstance, { host, port }: ListenOptions): Promise<string> {
  if (isLoopback(host)) localOnly.add(app);
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE'
        ? 'another program listens there. Give another port, or 0 for a free one'
        : reason(cause as Error);
    throw new InputError('LISTEN_FAILED', `Cannot listen on port ${port} of ${host}: ${why}.`, { cause });
  }
  const { address, port: taken, family } = app.server.address() as AddressInfo;
  const shown = host === 'localhost' ? host : family === 'IPv6' ? `[${address}]` : address;
  return `http://${shown}:${taken}/`;
}

/** Whether a name or address is that of the loopback interface, which other machines cannot reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

function requireLocalHost(request: FastifyRequest): void {
  const name = request.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isLoopback(name)) return;
  throw new RequestError(421, 'REQUEST_INVALID', 'This server answers requests to this machine only.');
}

function notFound({ method, url }: FastifyRequest, allowed: readonly string[]): RequestError {
  if (allowed.length === 0) return new RequestError(404, 'NOT_FOUND', `There is nothing at ${url}.`);
  const message = `${method} is not possible here; use ${allowed.join(' or ')}.`;
  return new RequestError(405, 'REQUEST_INVALID', message, { headers: { allow: allowed.join(', ') } });
}

function preflight(reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  const headers = {
    'access-control-allow-methods': allowed.join(', '),
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-max-age': '600',
  };
  return reply.code(204).headers(headers).send();
}

function answerError(error: Error, reply: FastifyReply, onError: (error: Error) => void): FastifyReply {
  const { status, code, message, headers } = refusal(error);
  if (status === 500) onError(error);
  return reply.code(status).headers(headers).send({ error: { code, message } });
}

/** What a client is told of an error. Of errors that are not its own it learns nothing. */
function refusal(error: Error): Pick<RequestError, 'status' | 'code' | 'message' | 'headers'> {
  if (error instanceof RequestError) return error;
  const headers = {};
  const { message } = error;
  if (error instanceof InputError) return { status: 400, code: error.code, message, headers };
  if (error instanceof TorchTlError && error.code === 'OUT_OF_MEMORY')
    return { status: 503, code: error.code, message, headers: { 'retry-after': '1' } };
  const { statusCode: status = 500 } = error as FastifyError;
  if (status === 413) {
    return {
      status,
      code: 'REQUEST_TOO_LARGE',
      message: 'The request is larger than this server takes.',
      headers,
    };
  }
  if (status >= 400 && status < 500) return { status, code: 'REQUEST_INVALID', message, headers };
  return {
    status: 500,
    code: 'NATIVE_FAILURE',
    message: 'The server failed to answer this request.',
    headers,
  };
}

/** Answers what is no HTTP request, or has not arrived in time. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ''] ?? 400;
  const message =
    status === 408 ? 'The request did not arrive in time.' : 'This is not a valid HTTP request.';
  const body = JSON.stringify({ error: { code: 'REQUEST_INVALID', message } });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
