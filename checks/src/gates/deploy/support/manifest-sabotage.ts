import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

const file = 'deploy/preflight-example.yaml';

/** A service that is deployed as it should be, in the copy alone: for a repository that has no manifests. */
const example = ({ liveness, readiness }: { liveness: string; readiness: string }) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: example }
spec:
  replicas: 2
  selector: { matchLabels: { app: example } }
  template:
    metadata: { labels: { app: example } }
    spec:
      containers:
        - name: example
          image: example:1.0.0
          resources: { requests: { cpu: 100m } }
          livenessProbe:
            httpGet: { path: ${liveness}, port: 3000 }
            periodSeconds: 10
            timeoutSeconds: 2
            failureThreshold: 3
          readinessProbe:
            httpGet: { path: ${readiness}, port: 3000 }
            periodSeconds: 5
            timeoutSeconds: 2
            failureThreshold: 2
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: example }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: example }
  minReplicas: 2
  maxReplicas: 4
  metrics:
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: 60 } }
`;

/** What every gate over manifests is proven on, where the repository has none. */
export const manifestSabotage = {
  async prepare({ config, scratch }: Sandbox): Promise<Undo | undefined> {
    if (config.manifests) return undefined;
    await scratch.write(file, example(config.service));
    await scratch.commit('a manifest');
    config.manifests = { files: [file], images: [] };
    return async () => {
      delete config.manifests;
    };
  },
};
