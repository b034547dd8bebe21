import type { z } from 'zod';

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
};

/** The first problem of a file's contents, such as `'weights.sha256' must be a text`. */
export function fileProblem({ issues: [issue] }: z.ZodError): string {
  if (!issue) return 'its content is invalid';
  const place = issue.path.map(String).join('.');
  return `${place === '' ? 'its content' : `'${place}'`} ${problemText(issue)}`;
}

function problemText(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'unrecognized_keys':
      return `has '${issue.keys[0]}', which is unknown`;
    default:
      // Messages that start with 'Invalid' are zod's own; others come from the schema.
      return issue.message.startsWith('Invalid') ? 'is invalid' : issue.message;
  }
}
