// SPDX-License-Identifier: Apache-2.0
// Has folders of a load, as while it loads, until it is killed.
import { makeLoadFolder } from "../../../src/serving/load-folder.js";

process.send?.(await makeLoadFolder());
setInterval(() => {}, 1000);
