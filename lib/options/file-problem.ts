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

/** What is first wrong with a file's content, such as `'weights.sha256' must be a text`. */
export function fileProblem({ issues: [issue] }: z.ZodError): string {
  if (!issue) return 'it is not as it should be';
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
      // What the schema does not say itself is zod's.
      return issue.message.startsWith('Invalid') ? 'is not as it should be' : issue.message;
  }
}
