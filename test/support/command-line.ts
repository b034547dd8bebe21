import type { Command } from 'commander';
import { programFor } from '../../lib/cli/main.ts';

/** Every command of the command line, groups and what is in them, by what calls it, such as `data download`. */
export async function allCommands(): Promise<Map<string, Command>> {
  const commands = new Map<string, Command>();
  const add = (parent: Command, path: string) => {
    for (const command of parent.commands) {
      const name = `${path}${command.name()}`;
      commands.set(name, command);
      add(command, `${name} `);
    }
  };
  add(await programFor([]), '');
  return commands;
}

/** What `--help` of a command prints. */
export function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/**
 * Parses arguments as the command line does, and does nothing else.
 *
 * @throws CommanderError for a command, flag or argument that is unknown or missing
 */
export async function parseOnly(args: string[]): Promise<void> {
  const program = await programFor(args);
  const idle = (command: Command) => {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
    if (command.commands.length === 0) command.action(() => {});
    command.commands.forEach(idle);
  };
  idle(program);
  await program.parseAsync(args, { from: 'user' });
}
