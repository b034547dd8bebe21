// What both HTTP services share: POST a picture's bytes and get JSON; GET says that the service is up. Pictures
// wait for their turn, since a model takes one batch at a time and uses every core for it.
//
// PORT (8080) and HOST (127.0.0.1) say where it listens.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

const LARGEST_PICTURE = 10 * 1024 * 1024;
const MOST_WAITING = 32;

/** The picture is at fault, not the service. */
export class BadPicture extends Error {}

/**
 * Serves until SIGTERM or SIGINT, then answers what has come in already.
 *
 * @param predict gives what to answer for the bytes of a picture; throws BadPicture for one that cannot be read
 */
export async function servePictures(predict) {
  let waiting = 0;
  let last = Promise.resolve();

  function inTurn(work) {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  async function answer(request) {
    if (request.method === 'GET') return [200, { status: 'up', waiting }];
    if (request.method !== 'POST') return [405, { error: 'POST a picture.' }];
    const length = Number(request.headers['content-length']);
    if (!(length > 0)) return [411, { error: 'Send a picture, and its Content-Length.' }];
    if (length > LARGEST_PICTURE) return [413, { error: `A picture may have ${LARGEST_PICTURE} bytes.` }];
    if (waiting >= MOST_WAITING) return [503, { error: 'Too many pictures are waiting.' }];
    waiting++;
    try {
      const picture = await buffer(request);
      return [200, await inTurn(() => predict(picture))];
    } catch (error) {
      if (error instanceof BadPicture) return [400, { error: error.message }];
      if (!request.errored) console.error(error);
      return [500, { error: 'The service failed.' }];
    } finally {
      waiting--;
    }
  }

  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request);
    const connection = server.listening ? 'keep-alive' : 'close';
    response.writeHead(status, { 'content-type': 'application/json', connection });
    response.end(`${JSON.stringify(body)}\n`);
  });
  const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
  server.listen(Number(PORT), HOST, () => {
    console.log(`listening on http://${HOST}:${server.address().port}/`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
  await once(server, 'close');
}
