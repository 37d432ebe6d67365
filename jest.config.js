import { availableParallelism } from 'node:os';

/** Unit specs stand beside the source; `test/` talks to the built application over HTTP. See test/setup. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/local', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/test/setup/global-setup.mjs',
  globalTeardown: '<rootDir>/test/setup/global-teardown.mjs',
  testTimeout: 120_000,
  // One more than there are cores: specs mostly wait, for processes of their own and for time to pass.
  maxWorkers: availableParallelism() + 1,
};
