/** The task of the piscina baseline: does nothing. Worker entry. */

export default function task(): number {
  return 0;
}
