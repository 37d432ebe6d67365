/** `npm run bench`: see README.md beside this file. */
import { startShared } from '../test/setup/shared-services.js';
import { CASES } from './cases.js';
import { readArguments, USAGE } from './harness/arguments.js';
import type { Case } from './harness/case.js';
import { describeMachine } from './harness/machine.js';
import { tableOf, writeResults } from './harness/report.js';
import { runCase } from './harness/runner.js';

function chosen(names: readonly string[]): readonly Case[] {
  if (names.length === 0) return CASES.filter(({ onRequest }) => !onRequest);
  return names.map((name) => {
    const found = CASES.find((which) => which.name === name);
    if (found === undefined) throw new Error(`There is no case ${name}; --list names them`);
    return found;
  });
}

/** @returns how many cases failed to run. What they came to is for people to judge: no exit code says it. */
async function main(): Promise<number> {
  const options = readArguments(process.argv.slice(2));
  const cases = chosen(options.names);
  if (options.list) {
    for (const { name, about, onRequest } of CASES) {
      console.log(`${name.padEnd(12)} ${about}${onRequest ? ' [only by name]' : ''}`);
    }
    return 0;
  }
  const stop = await startShared();
  let failed = 0;
  try {
    const machine = await describeMachine();
    console.log(JSON.stringify(machine));
    for (const which of cases) {
      try {
        const results = await runCase(which, options);
        console.log(`\n${tableOf(which, results)}`);
        console.log(`  ${await writeResults(options.out, which, results, machine)}`);
      } catch (error) {
        failed += 1;
        console.error(`\n${which.name} could not be measured:`, error);
      }
    }
  } finally {
    await stop();
  }
  return failed;
}

try {
  // At once, whatever a case that failed has left open.
  process.exit((await main()) === 0 ? 0 : 1);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exit(1);
}
