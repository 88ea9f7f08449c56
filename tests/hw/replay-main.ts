/* The process of `npm run replay`. */
import { replayCommand } from "./replay-command.js";

process.exitCode = replayCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
