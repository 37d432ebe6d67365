/** The simulated model as a process of its own: says its URL, then takes its pace from messages. */
import { startSimulatedGemini } from '../local/simulated-gemini/simulated-gemini.js';

// Cut writes would each wait for a turn of this process: with all others busy, 0 ms would not be 0 ms.
const gemini = await startSimulatedGemini({ firstTokenMs: 0, chunkMs: 0, cutsWrites: false });
process.on('message', (pace: { firstTokenMs: number; chunkMs: number }) => {
  gemini.pace(pace);
});
process.on('disconnect', () => process.exit(0));
process.send?.(gemini.url);
