// Who may import whom. The picture is in README.md, "Modules"; these rules keep it true.
const feature =
  '^src/(accounts|users|auth|passwords|otp|sessions|audit|chatrooms|messages|quota|idempotency|billing|export|gemini|retention|admin|ops)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.(spec|d)\\.ts$|\\.mjs$|^migrations/' },
      to: {},
    },
    {
      name: 'common-imports-no-feature',
      severity: 'error',
      from: { path: '^src/(common|config|redis|database)/' },
      to: { path: feature, pathNot: '\\.entity\\.ts$' },
    },
    {
      name: 'only-the-composition-root-imports-gemini',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/gemini/|^src/app\\.module\\.ts$' },
      to: { path: '^src/gemini/' },
    },
    {
      name: 'only-the-composition-root-imports-export',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/export/|^src/app\\.module\\.ts$' },
      to: { path: '^src/export/' },
    },
    {
      name: 'only-the-composition-root-imports-accounts',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/accounts/|^src/app\\.module\\.ts$' },
      to: { path: '^src/accounts/', pathNot: '\\.entity\\.ts$' },
    },
    {
      name: 'only-the-gemini-client-imports-its-sdk',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/gemini/gemini\\.client(\\.spec)?\\.ts$' },
      to: { path: 'node_modules/@google/generative-ai' },
    },
    {
      name: 'only-the-stripe-client-imports-its-sdk',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/billing/stripe/' },
      to: { path: 'node_modules/stripe/' },
    },
    {
      name: 'only-the-twilio-sender-imports-its-sdk',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/otp/twilio-sender\\.ts$' },
      to: { path: 'node_modules/twilio/' },
    },
    {
      name: 'only-tracing-imports-opentelemetry',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/tracing/(opentelemetry|told-exporter)\\.ts$' },
      to: { path: 'node_modules/@opentelemetry/' },
    },
    {
      name: 'only-metrics-import-prom-client',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/metrics/prometheus\\.ts$' },
      to: { path: 'node_modules/prom-client/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'what-looks-into-a-process-is-loaded-where-it-is-asked-for',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(tracing/opentelemetry|metrics/http-metrics)\\.ts$' },
      to: {
        path: '^src/(tracing/(opentelemetry|told-exporter)|metrics/(prometheus|http-metrics))\\.ts$',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'codes-know-no-accounts',
      severity: 'error',
      from: { path: '^src/otp/' },
      to: { path: '^src/(users|auth)/' },
    },
    {
      name: 'messages-enqueue-and-know-no-processor',
      severity: 'error',
      from: { path: '^src/(users|auth|passwords|otp|sessions|audit|chatrooms|quota|queue|streaming)/' },
      to: { path: '^src/(messages|billing|gemini)/', pathNot: '\\.entity\\.ts$' },
    },
    {
      name: 'src-runs-without-local-and-test',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(local|test|bench)/' },
    },
    {
      name: 'no-dev-dependency-at-run-time',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
