import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { build, transform } from 'esbuild';
import { withoutNaturalNames } from './natural-names.mjs';

/**
 * The second half of `npm run build`: what tsc made in `build/` becomes `dist/`, in which the application and its
 * packages are a few large files instead of 3,000 small ones. Finding and reading those was more than half of the CPU of a
 * start. What `import()` asks for is still loaded only then.
 */
const [COMPILED, BUNDLED] = ['build', 'dist'];

/** What a process is started with, by its path. */
const ENTRIES = [
  'src/main.js',
  'src/admin-command.js',
  'src/write-openapi.js',
  'src/database/migrate.js',
  'src/database/data-source.js',
  'src/passwords/argon2.worker.js',
  'migrations/*.js',
];

/** They stay packages: native ones, those that look for files of theirs, those that only some settings need. */
const EXTERNAL = [
  '@node-rs/argon2',
  'piscina',
  'swagger-ui-dist',
  '@bull-board/*',
  '@opentelemetry/*',
  'twilio',
];

/** Optional packages that are not installed, as drivers of other databases: trying one fails as it does without a bundle. */
const optionalPackages = {
  name: 'optional-packages',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'asked') return undefined;
      const found = await resolve(path, { ...from, pluginData: 'asked' });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** What these require in a way that esbuild does not see would be loaded from node_modules, a second time. */
const CREATE_REQUIRE = 'const require = createRequire(import.meta.url);';
const hiddenRequires = {
  name: 'hidden-requires',
  setup({ onLoad }) {
    const filter =
      /@nestjs\/(typeorm\/dist\/common\/typeorm-compat|mapped-types\/dist\/type-helpers\.utils)\.js$/;
    onLoad({ filter }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      if (!code.includes(CREATE_REQUIRE)) throw new Error(`${path} has changed: does it still need this?`);
      return { contents: code.replace(CREATE_REQUIRE, '') };
    });
  },
};

const { outputFiles, metafile } = await build({
  entryPoints: ENTRIES.map((path) => `${COMPILED}/${path}`),
  outbase: COMPILED,
  outdir: BUNDLED,
  // As deep as the folders of src/: '../folder/file.js' is the same place from there.
  chunkNames: 'src/chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  write: false,
  metafile: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  // Of the two copies in the package, the one that everything else here has.
  alias: { 'class-transformer/cjs/storage': 'class-transformer/esm5/storage.js' },
  // Nest, OpenAPI, TypeORM and the log know classes by their names.
  keepNames: true,
  sourcemap: 'inline',
  sourcesContent: false,
  minifyWhitespace: true,
  legalComments: 'none',
  external: EXTERNAL,
  banner: {
    js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`,
  },
  plugins: [optionalPackages, hiddenRequires],
  logOverride: { 'duplicate-object-key': 'silent' },
});
refuseSurprises(metafile.inputs);

await rm(BUNDLED, { recursive: true, force: true });
for (const { path, text } of outputFiles) {
  // In lines again, for who reads a stack, but without comments, which a process would keep in memory.
  const { code, map } = await transform(withoutNaturalNames(text), {
    format: 'esm',
    target: 'node20',
    sourcemap: 'external',
    sourcesContent: false,
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${code}//# sourceMappingURL=${basename(path)}.map\n`);
  await writeFile(`${path}.map`, map);
}

/** What would only be noticed when it runs. */
function refuseSurprises(inputs) {
  const formats = new Map();
  for (const [path, { format, imports }] of Object.entries(inputs)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
    // TypeORM's only ES module is a list of what the others export.
    if (name !== undefined && format !== undefined && name !== 'typeorm') {
      if (formats.has(name) && formats.get(name) !== format) throw new Error(`${name} is bundled twice`);
      formats.set(name, format);
    }
    for (const { kind, path: imported } of imports) {
      // Fastify's plugins are their default export, which is all that there is then.
      if (
        kind === 'dynamic-import' &&
        inputs[imported]?.format === 'cjs' &&
        !imported.includes('/@fastify/')
      ) {
        throw new Error(`${path}: import('${imported}') has no named exports in a bundle`);
      }
    }
  }
}
