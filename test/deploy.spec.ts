import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { SETTING_NAMES } from '../src/config/env.js';
import { InvalidEnvError, loadEnv } from '../src/config/load-env.js';
import { START } from './support/app-process.js';

/** What stopping takes beside SHUTDOWN_DELAY_MS and SHUTDOWN_GRACE_MS, at most; see main.ts. */
const SHUTDOWN_MARGIN_MS = 5000;
const KNOWN = new Set(SETTING_NAMES);

/** Good in production, to stand for what a Secret or .env holds. */
const SECRETS: Record<string, string> = {
  DATABASE_URL: 'postgres://chat:pw@db:5432/chat',
  REDIS_URL: 'redis://redis:6379',
  JWT_SECRET: 'Zk3v9QmT1xR7bL5nW8cY2hD6fJ4gS0pA',
  GEMINI_API_KEY: 'gemini-key-51b8',
  STRIPE_SECRET_KEY: 'sk_live_key-40d2',
  STRIPE_PRO_PRICE_ID: 'price_pro-e613',
  STRIPE_WEBHOOK_SECRET: 'whsec_secret-a874',
  TWILIO_ACCOUNT_SID: 'AC0123456789abcdef0123456789abcdef',
  TWILIO_AUTH_TOKEN: '0123456789abcdef0123456789abcdef',
  TWILIO_FROM: '+15005550006',
};

const REQUIRED = missingIn({});

function missingIn(settings: Record<string, string | undefined>): string[] {
  try {
    loadEnv({ NODE_ENV: 'production', ...settings });
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvError)) throw error;
    return error.problems.map((problem) => problem.replace(' is not set', ''));
  }
}

interface Container {
  image: string;
  command?: string[];
  env?: { name: string; value?: string }[];
  envFrom?: object[];
  ports?: { name: string; containerPort: number }[];
  securityContext: object;
  resources: { requests: object; limits: object };
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface Manifest {
  kind: string;
  metadata: { name: string; labels: Labels };
  data: Record<string, string>;
  stringData: Record<string, string>;
  resources: string[];
  components: string[];
  images: { name: string }[];
  spec: {
    selector: Labels & { matchLabels: Labels };
    scaleTargetRef: { kind: string; name: string };
    ports: { targetPort: string }[];
    template: {
      metadata: { labels: Labels; annotations: Record<string, string> };
      spec: {
        securityContext: object;
        terminationGracePeriodSeconds: number;
        topologySpreadConstraints: { labelSelector: { matchLabels: Labels } }[];
        containers: [Container];
      };
    };
  };
}
type Labels = Record<string, string>;

const K8S = 'deploy/kubernetes';
const files = readdirSync(K8S, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.yaml'),
);

function manifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(`${K8S}/${file}`, 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}
const all = files.flatMap(manifests);
const ofKind = (kind: string): Manifest[] => all.filter((manifest) => manifest.kind === kind);
const theOne = (kind: string, name: string): Manifest => {
  const [one, ...more] = ofKind(kind).filter(({ metadata }) => metadata.name === name);
  if (one === undefined || more.length > 0) throw new Error(`Not one ${kind} ${name}`);
  return one;
};
const settings = theOne('ConfigMap', 'chat-settings').data;
const deployments = ofKind('Deployment');
const workloads = [...deployments, ...ofKind('Job')];

/** A command names a program of ours that the build makes. */
function expectBuilt(command: readonly string[] | undefined): void {
  expect(command?.[0]).toBe('node');
  expect(existsSync(command?.[1] ?? '')).toBe(true);
}

describe('the Dockerfile', () => {
  const text = readFileSync('Dockerfile', 'utf8');
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n');
  const of = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

  it('is built on the Node of .nvmrc, in its slim variant', () => {
    const images = of('FROM').map((from) => from.replace(/ AS .*/, ''));
    const official = images.filter((image) => image.includes(':'));
    expect(new Set(official)).toEqual(
      new Set([`node:${readFileSync('.nvmrc', 'utf8').trim()}-bookworm-slim`]),
    );
  });

  it('copies what there is, and what .dockerignore lets in; nothing else is let in', () => {
    const copied = of('COPY')
      .filter((copy) => !copy.startsWith('--from'))
      .flatMap((copy) => copy.split(' ').slice(0, -1));
    for (const path of copied) expect(existsSync(path)).toBe(true);
    const ignore = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(ignore).toContain('*');
    const letIn = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(new Set(letIn)).toEqual(new Set(copied));
  });

  it('ends with what is built, started without a shell by somebody who is not root', () => {
    const command = JSON.parse(of('CMD').at(-1) ?? '') as string[];
    expect(command).toEqual(['node', ...START]);
    expect(readFileSync('package.json', 'utf8')).toContain(`"start": "${command.join(' ')}"`);
    expect(of('USER')).toEqual(['node']);
    expect(lines.findIndex((line) => line.startsWith('USER'))).toBeGreaterThan(
      lines.findLastIndex((line) => /^(RUN|COPY)/.test(line)),
    );
    expect(
      of('RUN')
        .filter((run) => run.includes('npm ci'))
        .at(-1),
    ).toContain('--omit=dev');
  });

  it('sets and exposes what the application knows', () => {
    const set: Record<string, string | undefined> = Object.fromEntries<string>(
      [
        ...of('ENV')
          .join(' ')
          .matchAll(/(\w+)=(\S+)/g),
      ].map(([, name = '', value = '']) => [name, value]),
    );
    for (const name of Object.keys(set)) expect(KNOWN).toContain(name);
    expect(of('EXPOSE')).toEqual([`${set.PORT ?? ''} ${set.METRICS_PORT ?? ''}`]);
    expect(of('HEALTHCHECK')[0]).toContain('${process.env.METRICS_PORT}/health/live');
  });
});

describe('compose.yaml', () => {
  interface Service {
    image: string;
    command?: string[];
    ports?: string[];
    environment: Record<string, string | number> & { PORT: number };
    read_only?: boolean;
    stop_grace_period?: string;
    depends_on: Record<string, { condition: string }>;
    healthcheck?: { disable?: boolean };
  }
  const { services } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
    services: Record<'api' | 'worker' | 'migrate' | 'postgres' | 'redis', Service>;
  };

  it.each(['api', 'worker'] as const)(
    'gives the %s its settings, and asks for those that it has not',
    (role) => {
      const { environment } = services[role];
      expect(environment.PROCESS_ROLE).toBe(role);
      for (const name of Object.keys(environment)) expect(KNOWN).toContain(name);
      expect(Object.keys(environment)).toEqual(expect.arrayContaining([...REQUIRED, 'FRONTEND_URL']));
      const secrets = Object.entries(environment).filter(([name]) => REQUIRED.includes(name));
      for (const [name, value] of secrets) {
        if (name !== 'REDIS_URL') expect(value).toMatch(/\$\{[A-Z_]+:\?/);
      }
      expect(environment.DATABASE_URL).toContain('@postgres:');
      expect(environment.REDIS_URL).toContain('//redis:');
    },
  );

  it('starts them once the database has its schema, by a command that is built', () => {
    expectBuilt(services.migrate.command);
    for (const { depends_on } of [services.api, services.worker]) {
      expect(depends_on.migrate).toEqual({ condition: 'service_completed_successfully' });
      expect(depends_on.redis).toEqual({ condition: 'service_healthy' });
    }
    expect(services.migrate.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
  });

  it('shows nothing but the API, on loopback, at the port that it listens on', () => {
    const { api, ...others } = services;
    expect(api.ports).toEqual([`127.0.0.1:\${PORT:-5000}:${api.environment.PORT}`]);
    for (const service of Object.values(others)) expect(service.ports).toBeUndefined();
  });

  it('has a Redis that persists and does not evict, and gives processes the time to stop', () => {
    expect(services.redis.command?.join(' ')).toMatch(/--appendonly yes .*--maxmemory-policy noeviction/);
    const { SHUTDOWN_GRACE_MS } = loadEnv({ NODE_ENV: 'production', OTP_DELIVERY: 'twilio', ...SECRETS });
    for (const { stop_grace_period, read_only } of [services.api, services.worker]) {
      expect(Number.parseInt(stop_grace_period ?? '', 10) * 1000).toBeGreaterThan(
        SHUTDOWN_GRACE_MS + SHUTDOWN_MARGIN_MS,
      );
      expect(read_only).toBe(true);
    }
  });
});

describe('the manifests for Kubernetes', () => {
  it('are all used, and name each other', () => {
    for (const folder of ['', 'migrate/']) {
      const [{ resources, components } = {} as Manifest] = manifests(`${folder}kustomization.yaml`);
      for (const file of resources) expect(existsSync(`${K8S}/${folder}${file}`)).toBe(true);
      for (const path of components)
        expect(existsSync(`${K8S}/${folder}${path}/kustomization.yaml`)).toBe(true);
    }
    const [{ images } = {} as Manifest] = manifests('image/kustomization.yaml');
    for (const { spec } of workloads) {
      expect(spec.template.spec.containers[0].image).toBe(images[0]?.name);
    }
    for (const manifest of all) expect(manifest).not.toHaveProperty('metadata.namespace');
  });

  it('give all that is required and nothing that is unknown, and no secret', () => {
    const { stringData } = theOne('Secret', 'chat-secrets');
    expect(new Set(Object.values(stringData))).toEqual(new Set(['']));
    expect(manifests('kustomization.yaml')[0]?.resources).not.toContain('secret.example.yaml');
    for (const name of [...Object.keys(settings), ...Object.keys(stringData)]) expect(KNOWN).toContain(name);
    const given = Object.fromEntries(Object.keys(stringData).map((name) => [name, SECRETS[name]]));
    expect(missingIn({ ...settings, ...given })).toEqual([]);
  });

  it.each(['api', 'worker'])('the %s is asked for its health where it listens', (role) => {
    const { spec } = theOne('Deployment', `chat-${role}`);
    const [container] = spec.template.spec.containers;
    expect(container.env).toEqual([{ name: 'PROCESS_ROLE', value: role }]);
    expect(container.envFrom).toEqual([
      { configMapRef: { name: 'chat-settings' } },
      { secretRef: { name: 'chat-secrets' } },
    ]);
    const ports = Object.fromEntries(
      (container.ports ?? []).map((port) => [port.name, String(port.containerPort)]),
    );
    expect(ports).toEqual({
      ...(role === 'api' ? { http: settings.PORT } : {}),
      metrics: settings.METRICS_PORT,
    });
    expect(spec.template.metadata.annotations['prometheus.io/port']).toBe(settings.METRICS_PORT);
    const paths = Object.keys((JSON.parse(readFileSync('openapi.json', 'utf8')) as { paths: object }).paths);
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect(probes.map((probe) => probe?.httpGet.path)).toEqual([
      '/health/live',
      '/health/live',
      '/health/ready',
    ]);
    for (const probe of probes) {
      expect(Object.keys(ports)).toContain(probe?.httpGet.port);
      expect(paths).toContain(probe?.httpGet.path);
    }
  });

  it.each(['api', 'worker'])('the %s has the time that it needs to stop', (role) => {
    const { terminationGracePeriodSeconds } = theOne('Deployment', `chat-${role}`).spec.template.spec;
    const longest =
      Number(settings.SHUTDOWN_DELAY_MS) + Number(settings.SHUTDOWN_GRACE_MS) + SHUTDOWN_MARGIN_MS;
    expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(longest);
  });

  it('let nothing run as root, write or gain rights', () => {
    expect(workloads).toHaveLength(3);
    for (const { spec } of workloads) {
      const [container] = spec.template.spec.containers;
      expect(spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources).toMatchObject({
        requests: { memory: expect.any(String) },
        limits: { memory: expect.any(String) },
      });
    }
    expectBuilt(theOne('Job', 'chat-migrate').spec.template.spec.containers[0].command);
  });

  it('select each other: Service, autoscalers, budgets, spread', () => {
    for (const { metadata, spec } of deployments) {
      const { labels } = spec.template.metadata;
      expect(spec.selector.matchLabels).toEqual(labels);
      expect(spec.template.spec.topologySpreadConstraints[0]?.labelSelector.matchLabels).toEqual(labels);
      const { scaleTargetRef } = theOne('HorizontalPodAutoscaler', metadata.name).spec;
      expect(scaleTargetRef).toMatchObject({ kind: 'Deployment', name: metadata.name });
      expect(theOne('PodDisruptionBudget', metadata.name).spec.selector.matchLabels).toEqual(labels);
    }
    const { spec } = theOne('Service', 'chat-api');
    expect(spec.selector).toEqual(theOne('Deployment', 'chat-api').spec.template.metadata.labels);
    expect(spec.ports.map(({ targetPort }) => targetPort)).toEqual(['http']);
  });
});
