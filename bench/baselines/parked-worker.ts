/** Does nothing and does not end. Worker entry. */

Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
