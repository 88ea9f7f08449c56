/** Tables on a terminal: columns as wide as their widest cell, numbers to the right. */

/** Formats rows under `titles`; a title that begins with `>` is of a column of numbers. */
export function formatTable(titles: readonly string[], rows: readonly string[][]): string {
  const right = titles.map((title) => title.startsWith(">"));
  const heads = titles.map((title, column) => (right[column] ? title.slice(1) : title));
  const widths = heads.map((head, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), head.length),
  );
  return [heads, ...rows]
    .map((row) => {
      const cells = widths.map((width, column) => {
        const cell = row[column] ?? "";
        return right[column] ? cell.padStart(width) : cell.padEnd(width);
      });
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
