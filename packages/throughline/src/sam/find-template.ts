// Which file of a folder is its SAM template. Apart from what reads one: whoever has none does not load that.
import { existsSync } from 'node:fs';
import path from 'node:path';

const templateNames = ['template.yaml', 'template.yml', 'template.json'];

/** The template of a folder, where it has one. */
export function findTemplate(folder: string): string | undefined {
  return templateNames.map((name) => path.join(folder, name)).find((file) => existsSync(file));
}

export function isTemplate(file: string): boolean {
  return /\.(?:ya?ml|json|template)$/.test(file);
}
