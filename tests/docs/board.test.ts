/** docs/board.md shows the board that there is. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ROOT } from "./blocks.js";
import { withBoardTable } from "./board-table.js";

const page = readFileSync(`${ROOT}docs/board.md`, "utf8");

test("board.md: the address map is current (npm run board-map makes it anew)", () => {
  expect(withBoardTable(page)).toBe(page);
});

test("board.md: a page without its marks is refused, not overwritten", () => {
  expect(() => withBoardTable("# The board\n")).toThrow("no marks");
});
