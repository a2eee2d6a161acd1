// What a template says and Throughline does not do: one line each, with the path in the template. They are printed at the start,
// so that nothing is left out in silence.
export class Notes {
  readonly #lines = new Set<string>();

  /** @param path where it stands: `Resources.Hello.Properties.Layers` */
  add(path: string, text: string): void {
    this.#lines.add(`${path}: ${text}`);
  }

  get lines(): readonly string[] {
    return [...this.#lines];
  }
}
