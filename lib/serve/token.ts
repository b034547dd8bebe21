import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { RequestError } from '../web/request-error.ts';

/** Returns a hook that refuses requests without the token; without a token it lets all pass. */
export function requireToken(token: string | undefined): (request: FastifyRequest) => Promise<void> {
  if (token === undefined) return async () => {};
  const expected = digest(token);
  return async ({ headers }) => {
    const [, given] = /^bearer +(.+)$/i.exec(headers.authorization ?? '') ?? [];
    // Digests have one length, and the comparison takes one time.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    const problem = given === undefined ? 'needs a token' : 'needs another token';
    throw new RequestError(401, 'UNAUTHORIZED', `This server ${problem}, as Authorization: Bearer TOKEN.`, {
      headers: { 'www-authenticate': 'Bearer realm="torch-tl"' },
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
