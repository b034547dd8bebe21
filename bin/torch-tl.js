#!/usr/bin/env node
try {
  const { main } = await import('../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Loading the program opens many files at once, before there is anything that could explain the error.
  if (error?.code !== 'EMFILE') throw error;
  console.error('error: too many files are open; raise the limit, for example with ulimit -n 1024 (EMFILE).');
  process.exitCode = 1;
}
