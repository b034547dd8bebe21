import type { Multipart } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RequestError } from '../web/request-error.ts';

/** A file of a form. */
export interface NamedFile {
  /** The file's own name, without folders. */
  name: string;
  bytes: Uint8Array;
}

export interface UploadLimits {
  /** Maximum size of a body in bytes. */
  maxBodySize: number;
  /** Maximum number of files in a form. */
  maxImages: number;
}

/** Number of fields besides files that a form may have; they are ignored. */
const MOST_FIELDS = 16;

const FORM = /^multipart\/form-data\s*(;|$)/i;

/** Lets a server take bodies of any type: forms in parts, all others as bytes. */
export async function acceptUploads(
  app: FastifyInstance,
  { maxBodySize, maxImages }: UploadLimits,
): Promise<void> {
  const { default: multipart } = await import('@fastify/multipart');
  app.addHook('onRequest', async (request) => {
    const type = request.headers['content-type'];
    // Fastify would refuse a type that is malformed.
    if (type !== undefined && !FORM.test(type))
      request.headers = { 'content-type': 'application/octet-stream' };
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  await app.register(multipart, {
    limits: {
      fileSize: maxBodySize,
      files: maxImages,
      fields: MOST_FIELDS,
      fieldSize: 1024,
      parts: maxImages + MOST_FIELDS,
      headerPairs: 32,
    },
    throwFileSizeLimit: true,
  });
}

/**
 * Reads the files of a form.
 *
 * @throws RequestError 413 `REQUEST_TOO_LARGE` for too many bytes or files, 400 `REQUEST_INVALID` for a form that is
 *   malformed, cut short or without files
 */
export async function filesOf(
  request: FastifyRequest,
  { maxBodySize, maxImages }: UploadLimits,
): Promise<NamedFile[]> {
  if (Number(request.headers['content-length']) > maxBodySize) throw tooLarge(maxBodySize);
  const files: NamedFile[] = [];
  let size = 0;
  try {
    for await (const part of request.parts()) {
      if (part.type !== 'file') continue;
      const chunks: Buffer[] = [];
      for await (const chunk of part.file as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBodySize) throw tooLarge(maxBodySize);
        chunks.push(chunk);
      }
      files.push({ name: nameOf(part), bytes: Buffer.concat(chunks) });
    }
  } catch (error) {
    throw problemOf(error as Error & { code?: string; statusCode?: number }, maxImages);
  }
  if (files.length > 0) return files;
  throw new RequestError(400, 'REQUEST_INVALID', 'The form holds no file. Send images as files of the form.');
}

/** Browsers leave out the folders of a name; a client that does not may not bring its own. */
function nameOf({ filename }: Multipart & { filename?: string }): string {
  return filename?.split(/[/\\]/).at(-1) || 'image';
}

export function tooLarge(maxBodySize: number): RequestError {
  return new RequestError(
    413,
    'REQUEST_TOO_LARGE',
    `The request is larger than ${maxBodySize} bytes, the maximum of this server.`,
  );
}

function problemOf(error: Error & { code?: string; statusCode?: number }, maxImages: number): Error {
  if (error instanceof RequestError) return error;
  if (error.statusCode === 413) {
    const message = `A form may hold ${maxImages} files and few other fields.`;
    return new RequestError(413, 'REQUEST_TOO_LARGE', message, { cause: error });
  }
  return new RequestError(400, 'REQUEST_INVALID', `The form cannot be read: ${error.message}.`, {
    cause: error,
  });
}
