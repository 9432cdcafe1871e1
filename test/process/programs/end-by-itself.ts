// SPDX-License-Identifier: Apache-2.0
// Neither close() nor exit(): open calls keep the process alive, an idle model does not.
import { loadSlow, slowCall } from "./slow-calls.js";

const model = await loadSlow();
void Promise.all(Array.from({ length: 10 }, () => slowCall(model, 20))).then(() => console.log("all answered"));
