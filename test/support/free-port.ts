import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux gives to outgoing connections, one of which could take it before it is used. */
const [LEAST, MOST] = [10_000, 32_000];

/** A port of this machine on which nothing listens. */
export async function freePort(): Promise<number> {
  const port = LEAST + Math.floor(Math.random() * (MOST - LEAST));
  const server = createServer().listen(port, '127.0.0.1');
  const isFree = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!isFree) return freePort();
  server.close();
  await once(server, 'close');
  return port;
}
