import { defineConfig } from "vitest/config";

// Tests run as compiled files, like everything that a user runs. Two cores: one file at a time,
// because each machine under test already uses several threads.
export default defineConfig({
  test: {
    include: ["dist/tests/**/*.test.js", "dist/examples/**/*.test.js"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
