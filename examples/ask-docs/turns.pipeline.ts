// A table with one row for each finished run: question, model, tokens, cost, duration, outcome. Each row names the record
// that it comes from. A table of your own is as short: see docs/guides/read-the-table.md.
import { turns } from '@throughline/pipelines';

export default turns();
