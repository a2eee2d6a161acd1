// The documents folder: which files are in it, and their text. Nothing outside the folder is ever read: symbolic links
// are not followed, hidden files and node_modules are left out, and every limit that cuts something off says so.
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import { documentKind, type DocumentKind } from './document.ts';

export interface FolderLimits {
  readonly fileBytesMax: number;
  readonly fileCountMax: number;
  readonly totalBytesMax: number;
  readonly depthMax: number;
}

export interface DocumentFile {
  /** Relative to the folder, with forward slashes. */
  readonly path: string;
  readonly kind: DocumentKind;
  readonly mtimeMs: number;
  readonly bytes: number;
}

export interface FolderListing {
  /** Sorted by path, so that everything made from it comes in one order. */
  readonly files: readonly DocumentFile[];
  /** What was left out, and why. */
  readonly warnings: readonly string[];
}

/**
 * The documents of a folder.
 *
 * @throws ThroughlineError DOCS_UNREADABLE when the folder is missing, cannot be read or has no document
 */
export function listDocuments(folder: string, limits: FolderLimits): FolderListing {
  const files: DocumentFile[] = [];
  const warnings: string[] = [];
  const pending: { readonly relative: string; readonly depth: number }[] = [{ relative: '', depth: 0 }];
  const root = realFolder(folder);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { relative, depth } = next;
    for (const entry of entriesOf(root, relative, folder, warnings)) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const inside = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < limits.depthMax) pending.push({ relative: inside, depth: depth + 1 });
        else warnings.push(`${inside}/ is left out: folders are read ${limits.depthMax} deep`);
        continue;
      }
      const kind = documentKind(entry.name);
      if (kind === undefined || !entry.isFile()) continue;
      const file = statOf(root, inside, kind, warnings);
      if (file === undefined) continue;
      if (file.bytes > limits.fileBytesMax) {
        warnings.push(`${inside} is left out: ${file.bytes} bytes, the limit is ${limits.fileBytesMax}`);
      } else files.push(file);
    }
  }
  if (files.length === 0) {
    const why = warnings.length === 0 ? '' : ` (${warnings[0]})`;
    throw new ThroughlineError('DOCS_UNREADABLE', `${folder} has no Markdown, text or HTML file${why}`);
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files: withinTotals(files, limits, warnings), warnings };
}

/** The text of a document, or why it cannot be had. */
export function readDocument(folder: string, file: DocumentFile): { readonly text: string } | { readonly why: string } {
  let descriptor: number | undefined;
  try {
    // O_NOFOLLOW: a file that was exchanged for a link since it was listed is rejected by the kernel.
    descriptor = openSync(path.join(realFolder(folder), file.path), constants.O_RDONLY | constants.O_NOFOLLOW);
    if (!fstatSync(descriptor).isFile()) return { why: 'it is no regular file' };
    const bytes = readFileSync(descriptor);
    return bytes.subarray(0, 4096).includes(0) ? { why: 'it is no text' } : { text: bytes.toString('utf8') };
  } catch (error) {
    return { why: reason(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (cause) {
    throw new ThroughlineError('DOCS_UNREADABLE', `${folder} cannot be read: ${reason(cause)}`, { cause });
  }
}

function entriesOf(root: string, relative: string, folder: string, warnings: string[]) {
  try {
    return readdirSync(path.join(root, relative), { withFileTypes: true });
  } catch (cause) {
    // The folder itself must be readable; one folder below it may be private.
    if (relative === '') {
      throw new ThroughlineError('DOCS_UNREADABLE', `${folder} cannot be read: ${reason(cause)}`, { cause });
    }
    warnings.push(`${relative}/ is left out: ${reason(cause)}`);
    return [];
  }
}

function statOf(root: string, inside: string, kind: DocumentKind, warnings: string[]): DocumentFile | undefined {
  try {
    const { mtimeMs, size } = lstatSync(path.join(root, inside));
    return { path: inside, kind, mtimeMs, bytes: size };
  } catch (error) {
    warnings.push(`${inside} is left out: ${reason(error)}`);
    return undefined;
  }
}

function withinTotals(files: DocumentFile[], limits: FolderLimits, warnings: string[]): DocumentFile[] {
  let totalBytes = 0;
  let count = 0;
  for (const file of files) {
    if (count >= limits.fileCountMax || totalBytes + file.bytes > limits.totalBytesMax) break;
    totalBytes += file.bytes;
    count++;
  }
  if (count < files.length) {
    warnings.push(
      `${files.length - count} of ${files.length} documents are left out: ` +
        `the limits are ${limits.fileCountMax} files and ${limits.totalBytesMax} bytes`,
    );
  }
  return files.slice(0, count);
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'ENOTDIR') return 'it is no folder';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'ELOOP') return 'it is a symbolic link';
  return error instanceof Error ? error.message : String(error);
}
