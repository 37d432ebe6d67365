import { IsNotEmpty, IsOptional, IsString, IsUrl, Matches, MinLength, ValidateIf } from 'class-validator';
import { Integer, URL_OPTIONS } from './rules.js';

/** How operators see into a process, and how it leaves. A part of Env. */
export class OpsSettings {
  /** TCP port of `/metrics` and of a process's own health, in every role; not set: they are not served there. */
  @IsOptional()
  @Integer(1, 65_535)
  METRICS_PORT: number | null = null;

  /** Address that this port listens on: nobody from outside unless that is asked for. */
  @IsString()
  @IsNotEmpty()
  METRICS_HOST = '127.0.0.1';

  /** Where traces go (OTLP over HTTP); not set: there are none. The SDK reads all other OTEL_* variables itself. */
  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  OTEL_EXPORTER_OTLP_ENDPOINT: string | null = null;

  /**
   * How long a stopping process that serves HTTP says that it is not ready and serves on all the same, ms: the time that
   * whoever sends it traffic takes to see that.
   */
  @Integer(0, 300_000)
  SHUTDOWN_DELAY_MS = 0;

  /** How long a stopping process then waits for requests and replies in flight, ms. */
  @Integer(0, 600_000)
  SHUTDOWN_GRACE_MS = 25_000;

  /** The user of `/admin/queues`. */
  @Matches(/^[\w.@-]{1,64}$/)
  ADMIN_USER = 'admin';

  /** Its password, 16 characters or more. Without one there is no such page. */
  @ValidateIf((env: OpsSettings) => env.ADMIN_PASSWORD !== '')
  @MinLength(16)
  ADMIN_PASSWORD = '';
}
