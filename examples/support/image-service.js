// The part that both HTTP services share: POST takes an image's bytes and answers with JSON; GET says that the
// service is up. Images wait for their turn, since a model takes one batch at a time and uses every core for it.
//
// It listens on PORT (8080) of HOST (127.0.0.1).

import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

const LARGEST_IMAGE = 10 * 1024 * 1024;
const MOST_WAITING = 32;

/** An image that cannot be read: the client's fault, not the service's. */
export class BadImage extends Error {}

/**
 * Serves until SIGTERM or SIGINT, then answers the requests that it has.
 *
 * @param predict gives the answer for an image's bytes; throws BadImage if the image cannot be read
 */
export async function serveImages(predict) {
  let waiting = 0;
  let last = Promise.resolve();

  function inTurn(work) {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  async function answer(request) {
    if (request.method === 'GET') return [200, { status: 'up', waiting }];
    if (request.method !== 'POST') return [405, { error: 'POST an image.' }];
    const length = Number(request.headers['content-length']);
    if (!(length > 0)) return [411, { error: 'Send an image, and its Content-Length.' }];
    if (length > LARGEST_IMAGE) return [413, { error: `An image may have ${LARGEST_IMAGE} bytes.` }];
    if (waiting >= MOST_WAITING) return [503, { error: 'Too many images are waiting.' }];
    waiting++;
    try {
      const image = await buffer(request);
      return [200, await inTurn(() => predict(image))];
    } catch (error) {
      if (error instanceof BadImage) return [400, { error: error.message }];
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
