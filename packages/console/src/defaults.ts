// Every default of the page, with its unit and its reason.

/** Pixels from the end of the log within which a reader counts as being at the end: about two lines of text. */
export const stickSlackPx = 48;

/**
 * Messages of a conversation that are rendered at first; the older ones come on request, as many again. More than anybody
 * scrolls through in one go, and quick to mount.
 */
export const shownMessagesStep = 100;

/** Milliseconds a toast with an action stays: long enough to read it and to reach the button. */
export const toastMs = 8_000;

/** Milliseconds a "Copied" stays on its button. */
export const copiedMs = 1_600;

/** Milliseconds the "connected again" notice stays. */
export const backNoticeMs = 4_000;

/** Milliseconds between two looks at the clock of a countdown in seconds: it never stands still for two. */
export const countdownTickMs = 250;

/** Tries of a lost connection before it is called a server that does not answer: some seconds, more than a restart takes. */
export const patientTries = 6;

/** Milliseconds that the break-it menu keeps this tab's connection cut: long enough to see that it is. */
export const cutMs = 3_000;

/** Milliseconds between two looks at GET /v1/status, which says whether the break-it menu may be shown. */
export const statusPollMs = 10_000;

/** Milliseconds between two looks at the clock of a run that goes on: its duration has one digit after the point. */
export const runningTickMs = 100;

/** Milliseconds between two looks at the clock of the list: its times are told in minutes. */
export const listClockMs = 30_000;

/** Rows of a table on one page: fits a screen or two, and is quick to fold out of any store. */
export const tablePageRows = 50;

/** Milliseconds after which a request of the page (tables, status, SQL) is given up. */
export const requestTimeoutMs = 15_000;

/** Characters of a finished reply that a screen reader is read; the rest is one key press away. */
export const announcedCharactersMax = 600;

/** Statement that the SQL box starts with. */
export const exampleSql = 'select outcome, count(*) as runs, avg(duration_ms) as mean_ms\nfrom turns group by outcome';

/** What a newcomer can ask with one click; the first one is about the promise that this page shows. */
export const exampleQuestions = [
  'How does Throughline survive a crash?',
  'What happens to an answer when its function is killed?',
  'How do I ask about my own documents?',
] as const;
