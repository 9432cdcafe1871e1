// SPDX-License-Identifier: Apache-2.0
// Every route of a server.
import { cacheCommands } from "./protocols/cache.js";
import { documentationRoutes } from "./protocols/documentation.js";
import { healthRoutes } from "./protocols/health.js";
import { loggingCommands, loggingQueries } from "./protocols/logging.js";
import { openInferenceQueries, openInferenceRoutes } from "./protocols/open-inference.js";
import { pageRoutes } from "./protocols/pages.js";
import { predictRoutes } from "./protocols/predict.js";
import { repositoryRoutes } from "./protocols/repository.js";
import { sharedMemoryCommands, sharedMemoryQueries } from "./protocols/shared-memory.js";
import { tfServingQueries, tfServingRoutes } from "./protocols/tf-serving.js";
import { torchServeCommands, torchServeQueries } from "./protocols/torchserve.js";
import { torchServeManagement } from "./protocols/torchserve-management.js";
import type { Routes } from "./routes.js";

export const allRoutes: Routes = {
  queries: [
    ...healthRoutes,
    ...openInferenceQueries,
    ...tfServingQueries,
    ...torchServeQueries,
    ...loggingQueries,
    ...sharedMemoryQueries,
    ...pageRoutes,
    ...documentationRoutes(() => allRoutes),
  ],
  commands: [
    ...repositoryRoutes,
    ...loggingCommands,
    ...sharedMemoryCommands,
    ...cacheCommands,
    ...torchServeCommands,
    ...torchServeManagement,
  ],
  inferences: [...predictRoutes, ...openInferenceRoutes, ...tfServingRoutes],
};
