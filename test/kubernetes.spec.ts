import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { expectBuilt, KNOWN, missingIn, SECRETS, SHUTDOWN_MARGIN_MS } from './support/deployment.js';

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
