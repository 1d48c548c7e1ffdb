import './loading.ts'
import cluster from 'node:cluster'

// Not by import statements, which would come before the first has an effect.
const { environment, workersIn } = await import('./config.ts')
if (cluster.isWorker || workersIn(environment()) === 1) await import('./service.ts')
else await import('./supervisor.ts')
