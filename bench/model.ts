/** The simulated model as a process of its own: says its URL, then takes its pace from messages. */
import { startSimulatedGemini } from '../local/simulated-gemini/simulated-gemini.js';

const gemini = await startSimulatedGemini({ firstTokenMs: 0, chunkMs: 0 });
process.on('message', (pace: { firstTokenMs: number; chunkMs: number }) => {
  gemini.pace(pace);
});
process.on('disconnect', () => process.exit(0));
process.send?.(gemini.url);
