// SPDX-License-Identifier: Apache-2.0
// Several threads' routes behind one face. Remembers what it was told, so that a thread may come later.
import type { ModelRoutes, RouteTable } from "./route-table.js";

export class RouteFan implements RouteTable {
  readonly #tables: RouteTable[] = [];
  readonly #routes = new Map<string, ModelRoutes>();

  /** From now on `table` is told too; resolves when it knows what the others know. */
  async attach(table: RouteTable): Promise<void> {
    this.#tables.push(table);
    await Promise.all([...this.#routes.values()].map((routes) => table.apply(routes)));
  }

  async apply(routes: ModelRoutes): Promise<void> {
    this.#routes.set(routes.name, routes);
    await Promise.all(this.#tables.map((table) => table.apply(routes)));
  }

  async forget(name: string): Promise<void> {
    this.#routes.delete(name);
    await Promise.all(this.#tables.map((table) => table.forget(name)));
  }
}
