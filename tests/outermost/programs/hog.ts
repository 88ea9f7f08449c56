/** A program that runs out of memory in a way that Node does not contain: one table that grows. */

export default function hog(): void {
  const map = new Map<number, number>();
  for (let i = 0; ; i++) map.set(i, i);
}
