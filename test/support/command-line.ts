import type { Command } from 'commander';
import { COMMANDS } from '../../lib/cli/commands.ts';
import { programFor } from '../../lib/cli/main.ts';

/** Every command of the command line, groups and what is in them, by what calls it, such as `data download`. */
export async function allCommands(): Promise<Map<string, Command>> {
  const commands = new Map<string, Command>();
  const add = (command: Command, name: string) => {
    commands.set(name, command);
    for (const child of command.commands) add(child, `${name} ${child.name()}`);
  };
  for (const name of Object.keys(COMMANDS)) {
    const program = await programFor([name]);
    add(program.commands.find((command) => command.name() === name) as Command, name);
  }
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
