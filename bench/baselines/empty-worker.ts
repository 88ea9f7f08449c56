/**
 * Does nothing and ends: an import that every worker has is as empty as a module gets. Worker
 * entry.
 */

import "node:worker_threads";
