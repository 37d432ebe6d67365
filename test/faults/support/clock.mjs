// Loaded into an application process before anything else: its clock runs CLOCK_SHIFT_MS ahead, and at a SIGCONT jumps to
// CLOCK_JUMP_TO (epoch ms) and runs on from there. Timers and the clocks of Postgres and Redis are what they are.
let shift = Number(process.env.CLOCK_SHIFT_MS);
const RealDate = Date;
const realNow = RealDate.now;

RealDate.now = () => realNow() + shift;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now()] : args, newTarget),
});

process.on('SIGCONT', () => {
  shift = Number(process.env.CLOCK_JUMP_TO) - realNow();
});
