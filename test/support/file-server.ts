import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { onTestFinished } from 'vitest';

export interface FileServer {
  /** Of its one file, whatever the path. */
  url: string;
  /** The headers of every request so far. */
  requests: IncomingHttpHeaders[];
  breakConnections(): void;
}

/**
 * A server on this machine for the running test. It answers the first request with the first answer
 * and so on; the last answer goes on for ever.
 */
export async function fileServer(...answers: [RequestListener, ...RequestListener[]]): Promise<FileServer> {
  const requests: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    const answer = answers[Math.min(requests.length, answers.length) - 1] as RequestListener;
    answer(request, response);
  });
  const url = `http://127.0.0.1:${await listen(server)}/file`;
  return { url, requests, breakConnections: () => server.closeAllConnections() };
}

/** The content, or the part of it that was asked for. */
export function whole(content: Buffer, headers: Record<string, string> = {}): RequestListener {
  return (request, response) => {
    const start = Number(request.headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
    if (start >= content.length) return void response.writeHead(416).end();
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
    response.writeHead(start > 0 ? 206 : 200, {
      ...headers,
      ...(start > 0 && range),
      'content-length': content.length - start,
    });
    response.end(content.subarray(start));
  };
}

/** Announces the content whole and sends its beginning. */
export function stall(content: Buffer, after: number, headers: Record<string, string> = {}): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-length': content.length, ...headers });
    response.write(content.subarray(0, after));
  };
}

/** The same, and breaks the connection, with which the client may lose some of what was sent. */
export function cut(content: Buffer, after: number): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, after), () => response.destroy());
  };
}

export function status(code: number, headers: Record<string, string> = {}): RequestListener {
  return (_, response) => response.writeHead(code, headers).end();
}

/** A proxy for the running test, which makes tunnels or refuses to; `targets` are the hosts asked for. */
export async function proxy({ refuses = false } = {}): Promise<{ url: string; targets: string[] }> {
  const targets: string[] = [];
  const server = createServer().on('connect', (request, client) => {
    targets.push(request.url ?? '');
    if (refuses) return void client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, targets };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
