import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { Env } from './config/env.js';
import { buildOpenApi } from './openapi.js';

/**
 * `npm run openapi:write`: the committed `openapi.json`, made from the modules alone. In preview mode nothing is
 * instantiated, so no setting, database or Redis is needed.
 */
const env = Object.assign(new Env(), { PROCESS_ROLE: 'api' });
const app = await NestFactory.create(AppModule.with(env), new FastifyAdapter(), {
  preview: true,
  logger: false,
});
await writeFile('openapi.json', `${JSON.stringify(buildOpenApi(app), null, 2)}\n`);
