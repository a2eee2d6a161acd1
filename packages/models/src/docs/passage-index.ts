// The index of a documents folder: passages in SQLite, ranked by FTS5's BM25 (Robertson and Zaragoza 2009; k1 = 1.2,
// b = 0.75, fixed in SQLite), English endings cut off by its Porter stemmer. A hit in a heading counts four times, one in
// a code block a third: an answer is words first.
//
//   files         path, mtime and size of what is indexed: a file that differs is indexed again
//   passages      id, path, ordinal, headings, anchor, markdown: what is quoted
//   passages_fts  title (headings and file name), body, code: what is searched; contentless, its rowid is the passage's id
//
// BM25 alone ranks *something* first for every question. Whether a passage answers at all is decided by coverage: which
// share of the question's weight (each word by its inverse document frequency; a word that is nowhere weighs like one
// that is in a single passage) the passage has. Equal ranks are ordered by path and place, so that the same folder always gives the same answer.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Passage } from './document.ts';
import { listDocuments, readDocument, type DocumentFile, type FolderLimits } from './folder.ts';
import { plainText } from './markdown-sections.ts';
import { searchable } from './question.ts';
import { splitDocument } from './split.ts';

export interface FoundPassage extends Passage {
  readonly path: string;
  /** Higher is better. */
  readonly score: number;
  /** Share of the question's weight that the passage has, 0 to 1. */
  readonly coverage: number;
}

export interface SearchRequest {
  /** FTS5 strings that the passage should have. */
  readonly terms: readonly string[];
  /** FTS5 strings that move it up a little: the question before. */
  readonly contextTerms: readonly string[];
  readonly contextShare: number;
  /** Passages below this coverage are not found. */
  readonly coverageMin: number;
  readonly passageCountMax: number;
}

export interface PassageIndex {
  /**
   * Brings the index up to date with the folder: files whose time or size changed are read again.
   *
   * @returns what was left out, and why
   * @throws ThroughlineError DOCS_UNREADABLE
   */
  refresh(): readonly string[];
  /** The passages that have enough of the terms, best first. */
  search(request: SearchRequest): FoundPassage[];
  readonly fileCount: number;
  close(): void;
}

export interface PassageIndexOptions {
  readonly folder: string;
  readonly limits: FolderLimits;
  readonly passageCharsMax: number;
}

// The stored text is made by this code; another version of it starts anew.
const schema = `
  CREATE TABLE files (path TEXT PRIMARY KEY, mtimeMs REAL NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE passages (id INTEGER PRIMARY KEY, path TEXT NOT NULL, ordinal INTEGER NOT NULL, headings TEXT NOT NULL,
    anchor TEXT, markdown TEXT NOT NULL);
  CREATE INDEX passages_path ON passages (path);
  CREATE VIRTUAL TABLE passages_fts USING fts5(title, body, code, content = '', contentless_delete = 1,
    tokenize = 'porter unicode61 remove_diacritics 2');
  INSERT INTO passages_fts (passages_fts, rank) VALUES ('rank', 'bm25(4.0, 1.0, 0.33)');
`;

const codeBlock = /^ {0,3}(`{3,}|~{3,}).*\n[\s\S]*?^ {0,3}\1[`~]*[ \t]*$/gm;

export function openPassageIndex(options: PassageIndexOptions): PassageIndex {
  return new SqlitePassageIndex(options);
}

class SqlitePassageIndex implements PassageIndex {
  readonly #options: PassageIndexOptions;
  readonly #db: DatabaseSync;
  readonly #sql: Record<
    'insertFile' | 'insertPassage' | 'insertText' | 'scores' | 'matches' | 'passage',
    StatementSync
  >;

  constructor(options: PassageIndexOptions) {
    this.#options = options;
    this.#db = new DatabaseSync(':memory:');
    this.#db.exec(schema);
    this.#sql = {
      insertFile: this.#db.prepare('INSERT INTO files (path, mtimeMs, bytes) VALUES (?, ?, ?)'),
      insertPassage: this.#db.prepare(
        'INSERT INTO passages (path, ordinal, headings, anchor, markdown) VALUES (?, ?, ?, ?, ?)',
      ),
      insertText: this.#db.prepare('INSERT INTO passages_fts (rowid, title, body, code) VALUES (?, ?, ?, ?)'),
      scores: this.#db.prepare('SELECT rowid AS id, -rank AS score FROM passages_fts WHERE passages_fts MATCH ?'),
      matches: this.#db.prepare('SELECT rowid AS id FROM passages_fts WHERE passages_fts MATCH ?'),
      passage: this.#db.prepare('SELECT path, ordinal, headings, anchor, markdown FROM passages WHERE id = ?'),
    };
  }

  get fileCount(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM files').get()?.['n']);
  }

  refresh(): readonly string[] {
    const { files, warnings } = listDocuments(this.#options.folder, this.#options.limits);
    const known = new Map<string, string>();
    for (const row of this.#db.prepare('SELECT path, mtimeMs, bytes FROM files').iterate()) {
      known.set(String(row['path']), `${Number(row['mtimeMs'])} ${Number(row['bytes'])}`);
    }
    const changed = files.filter((file) => known.get(file.path) !== `${file.mtimeMs} ${file.bytes}`);
    const current = new Set(files.map((file) => file.path));
    const gone = [...known.keys()].filter((path) => !current.has(path));
    if (changed.length === 0 && gone.length === 0) return warnings;
    const unread: string[] = [];
    this.#db.exec('BEGIN');
    try {
      for (const path of gone) this.#remove(path);
      for (const file of changed) {
        this.#remove(file.path);
        this.#add(file, unread);
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
    return [...warnings, ...unread];
  }

  search({ terms, contextTerms, contextShare, coverageMin, passageCountMax }: SearchRequest): FoundPassage[] {
    if (terms.length === 0) return [];
    const context = contextTerms.length === 0 ? new Map<number, number>() : this.#scores(contextTerms);
    const coverage = this.#coverage(terms);
    const ranked: { readonly id: number; readonly score: number; readonly coverage: number }[] = [];
    for (const [id, score] of this.#scores(terms)) {
      const covered = coverage.get(id) ?? 0;
      if (covered >= coverageMin)
        ranked.push({ id, score: score + contextShare * (context.get(id) ?? 0), coverage: covered });
    }
    ranked.sort((a, b) => b.score - a.score);
    // Passages of one score are ordered by their place, which only their rows tell: all that tie with the last are read.
    const scoreMin = ranked[passageCountMax - 1]?.score ?? 0;
    const found = ranked.filter(({ score }) => score >= scoreMin).map((each) => this.#passage(each));
    found.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.ordinal - b.ordinal));
    return found.slice(0, passageCountMax);
  }

  close(): void {
    this.#db.close();
  }

  #passage({
    id,
    score,
    coverage,
  }: {
    id: number;
    score: number;
    coverage: number;
  }): FoundPassage & { ordinal: number } {
    const row = this.#sql.passage.get(id);
    return {
      path: String(row?.['path']),
      ordinal: Number(row?.['ordinal']),
      headings: JSON.parse(String(row?.['headings'])) as string[],
      anchor: row?.['anchor'] === null ? undefined : String(row?.['anchor']),
      markdown: String(row?.['markdown']),
      score,
      coverage,
    };
  }

  #scores(terms: readonly string[]): Map<number, number> {
    const scores = new Map<number, number>();
    for (const row of this.#sql.scores.iterate(terms.join(' OR '))) scores.set(Number(row['id']), Number(row['score']));
    return scores;
  }

  /** For each passage, the share of the terms' weight that it has. */
  #coverage(terms: readonly string[]): Map<number, number> {
    const passageCount = Number(this.#db.prepare('SELECT count(*) AS n FROM passages').get()?.['n']);
    const weights = new Map<number, number>();
    let total = 0;
    for (const term of terms) {
      const ids = this.#sql.matches.all(term).map((row) => Number(row['id']));
      // A pair of characters that is nowhere is mostly the seam of two words, not a word that is missing.
      if (ids.length === 0 && term.includes(' ')) continue;
      const count = Math.max(ids.length, 1);
      const weight = Math.log(1 + (passageCount - count + 0.5) / (count + 0.5));
      total += weight;
      for (const id of ids) weights.set(id, (weights.get(id) ?? 0) + weight);
    }
    for (const [id, weight] of weights) weights.set(id, weight / total);
    return weights;
  }

  #remove(path: string): void {
    this.#db.prepare('DELETE FROM passages_fts WHERE rowid IN (SELECT id FROM passages WHERE path = ?)').run(path);
    this.#db.prepare('DELETE FROM passages WHERE path = ?').run(path);
    this.#db.prepare('DELETE FROM files WHERE path = ?').run(path);
  }

  #add(file: DocumentFile, unread: string[]): void {
    const document = readDocument(this.#options.folder, file);
    if ('why' in document) {
      unread.push(`${file.path} is left out: ${document.why}`);
      return;
    }
    const passages = splitDocument(file.kind, document.text, this.#options.passageCharsMax);
    for (const [ordinal, { headings, anchor, markdown }] of passages.entries()) {
      const { lastInsertRowid } = this.#sql.insertPassage.run(
        file.path,
        ordinal,
        JSON.stringify(headings),
        anchor ?? null,
        markdown,
      );
      const title = [...headings, file.path.replaceAll(/[/._-]/g, ' ')].join(' ');
      const code = (markdown.match(codeBlock) ?? []).join('\n');
      const body = plainText(markdown.replaceAll(codeBlock, '\n'));
      this.#sql.insertText.run(lastInsertRowid, searchable(title), searchable(body), searchable(code));
    }
    this.#sql.insertFile.run(file.path, file.mtimeMs, file.bytes);
  }
}
