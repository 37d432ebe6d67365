// The least that serves HTTP: what of a cold start is Node and Fastify. Plain JavaScript, as dist/ is.
import { fastify } from 'fastify';

const server = fastify();
server.get('/health/ready', (_request, reply) => reply.send({ status: 'ok' }));
await server.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
