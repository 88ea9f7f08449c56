/** Writes the address map in docs/board.md anew from the board: `npm run board-map`. */

import { readFileSync, writeFileSync } from "node:fs";
import { ROOT } from "./blocks.js";
import { withBoardTable } from "./board-table.js";

const page = `${ROOT}docs/board.md`;
writeFileSync(page, withBoardTable(readFileSync(page, "utf8")));
