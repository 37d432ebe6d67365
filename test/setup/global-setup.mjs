import { tsImport } from 'tsx/esm/api';

// Jest loads its set-up as CommonJS; this lets it be TypeScript and ESM like everything else.
const { startShared } = await tsImport('./shared-services.ts', import.meta.url);

export default async function setup() {
  globalThis.stopShared = await startShared();
}
