import type { IncomingMessage, ServerResponse } from 'node:http';

/** The requests that a service has not answered yet, so that it can end after the last of them. */
export class RequestsInHand {
  readonly #requests = new Set<IncomingMessage>();
  #onEmpty = () => {};

  /** Notes a request until its response has been sent or its connection is lost. */
  add(request: IncomingMessage, response: ServerResponse): void {
    this.#requests.add(request);
    response.once('close', () => {
      this.#requests.delete(request);
      if (this.#requests.size === 0) this.#onEmpty();
    });
  }

  /** Waits for the last response. Connections whose request has not arrived within `grace` milliseconds are cut. */
  async answered(grace: number): Promise<void> {
    if (this.#requests.size === 0) return;
    const cut = setTimeout(() => {
      for (const request of this.#requests) if (!request.complete) request.destroy();
    }, grace);
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    clearTimeout(cut);
  }
}
