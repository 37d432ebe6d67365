import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { endTracing } from './tracing.js';

/** Delivers the last spans before the process ends. */
@Module({})
export class TracingModule implements OnApplicationShutdown {
  onApplicationShutdown(): Promise<void> {
    return endTracing();
  }
}
