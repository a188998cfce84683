import type { LoadOptions, RepositoryControl } from '#naiad/lifecycle/control.js';
import type { HistoryEntry } from '#naiad/lifecycle/history.js';
import type { ControlMode } from '#naiad/settings/settings.js';

/** A control over nothing, which notes what it is asked for. */
export class RecordedControl implements RepositoryControl {
  mode: ControlMode = 'explicit';
  readonly asked: unknown[] = [];
  /** What lies in the repositories; an error = they can't be read. */
  there: readonly string[] | Error = [];
  entries: readonly HistoryEntry[] = [];

  async names(): Promise<readonly string[]> {
    if (this.there instanceof Error) throw this.there;
    return this.there;
  }

  async load(name: string, options: LoadOptions): Promise<void> {
    this.asked.push(['load', name, options]);
  }

  async unload(name: string, options: { readonly dependents: boolean }): Promise<void> {
    this.asked.push(['unload', name, options]);
  }

  history(name: string): readonly HistoryEntry[] {
    this.asked.push(['history', name]);
    return this.entries;
  }
}
